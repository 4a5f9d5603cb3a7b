/**
 * A real Keycloak for tests: its own distribution (Maven Central), kept below `node_modules` for the next run. It starts empty, with everything in
 * memory, and ends with the process that started it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { installOnce } from './install-once.ts';

export interface Keycloak {
  readonly url: string;
  /** A new realm with a client that administers it. */
  makeRealm(name: string): Promise<{ readonly client: string; readonly secret: string }>;
  close(): Promise<void>;
}

const version = '26.0.7';
const patience = 600_000;
const starting = 300_000;
const password = randomBytes(12).toString('hex');
const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = join(root, 'node_modules', '.cache', `coffer-keycloak-${version}`);

export const keycloakRemedy = `install a Java runtime (17 or newer) and Maven, and let it reach a repository that has org.keycloak:keycloak-quarkus-dist ${version}`;

/** Undefined where it is not to be had: see `keycloakRemedy`. */
export async function startKeycloak(): Promise<Keycloak | undefined> {
  if (!runs('java', ['-version']) || !(await installOnce(directory, install))) return undefined;
  const home = mkdtempSync(join(tmpdir(), 'coffer-keycloak-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn('bash', ['-c', script, 'bash', join(directory, `keycloak-${version}`), String(port)], {
    // Its standard input is the thread that it hangs by.
    stdio: ['pipe', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      LANG: 'C.UTF-8',
      KC_DB: 'dev-mem',
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: password,
      JAVA_OPTS_APPEND: '-Xmx512m',
    },
  });
  const close = async () => {
    await end(child);
    rmSync(home, { recursive: true, force: true });
  };
  await ready(child, url).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { url, makeRealm: (name) => makeRealm(url, name), close };
}

/** The server is another process than its start script. */
const script = `
"$1/bin/kc.sh" start-dev --http-host=127.0.0.1 --http-port="$2" >/dev/null &
cat >/dev/null
pkill -9 -P $! 2>/dev/null
kill -9 $!
`;

function install(): boolean {
  process.stderr.write(`fetching Keycloak ${version}\n`);
  const artifact = `-Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:zip`;
  return (
    runs('mvn', ['-q', '-B', 'dependency:unpack', artifact, `-DoutputDirectory=${directory}`]) &&
    runs('chmod', ['+x', join(directory, `keycloak-${version}`, 'bin', 'kc.sh')])
  );
}

function runs(command: string, words: readonly string[]): boolean {
  return spawnSync(command, words, { timeout: patience, stdio: 'ignore', cwd: tmpdir() }).status === 0;
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  let heard = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    heard = `${heard}${chunk.toString()}`.slice(-4_000);
  });
  for (const deadline = Date.now() + starting; ; ) {
    const status = await fetch(`${url}/realms/master`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    if (Date.now() > deadline || child.exitCode !== null)
      throw new Error(`Keycloak did not start:\n${heard}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function makeRealm(url: string, realm: string) {
  const form = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password };
  const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const { access_token: token } = (await answer.json()) as { readonly access_token: string };
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/admin/realms${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  };
  const first = async (path: string) => {
    const [found] = (await ask('GET', path)) as readonly { readonly id: string }[];
    return found?.id ?? '';
  };
  const [client, secret] = ['coffer', randomBytes(18).toString('base64url')];
  await ask('POST', '', { realm, enabled: true });
  await ask('POST', `/${realm}/clients`, {
    clientId: client,
    secret,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
  });
  const own = await first(`/${realm}/clients?clientId=${client}`);
  const { id: account } = (await ask('GET', `/${realm}/clients/${own}/service-account-user`)) as {
    readonly id: string;
  };
  const management = await first(`/${realm}/clients?clientId=realm-management`);
  const roles: unknown[] = [];
  for (const role of ['manage-users', 'view-users', 'manage-clients', 'view-clients', 'query-groups'])
    roles.push(await ask('GET', `/${realm}/clients/${management}/roles/${role}`));
  await ask('POST', `/${realm}/users/${account}/role-mappings/clients/${management}`, roles);
  return { client, secret };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.stdin?.end();
  });
}

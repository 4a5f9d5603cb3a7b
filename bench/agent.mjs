// What an agent costs beside starting Node: one round from a server's secret to both files of a fresh directory, whole runs, interleaved; and
// the memory of one that waits. `--quick`: fewer rounds. Targets: 3 times `node -e 0` and what server and disk take; 60 MiB of RssAnon.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { coffer, makeStore, serve } from './places.mjs';
import { median, plainEnvironment, stop } from './processes.mjs';

const rounds = process.argv.includes('--quick') ? 5 : 21;
const directory = mkdtempSync(join(tmpdir(), 'coffer-agent-bench-'));
const place = await makeStore(directory);
const { server, address } = await serve(place);
const { token } = place;
const agent = new Agent({ keepAlive: true });

function ask(method, path, body, as = token) {
  return new Promise((resolve, reject) => {
    const asking = request(
      `${address}/v1/${path}`,
      { method, agent, headers: { 'X-Vault-Token': as } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => {
          if (answer.statusCode >= 400) reject(new Error(`${path}: ${answer.statusCode} ${text}`));
          else resolve(text === '' ? {} : JSON.parse(text));
        });
      },
    );
    asking.on('error', reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function setUp() {
  await ask('POST', 'sys/auth/approle', { type: 'approle' });
  await ask('POST', 'sys/policies/acl/agent', {
    policy: 'path "secret/data/apps/*" { capabilities = ["read"] }',
  });
  await ask('POST', 'auth/approle/role/host', { token_policies: ['agent'] });
  const data = { application_username: 'u', application_password: 'p', client_id: 'c', client_secret: 's' };
  await ask('POST', 'secret/data/apps/shop', { data });
  const role = await ask('GET', 'auth/approle/role/host/role-id');
  const secret = await ask('POST', 'auth/approle/role/host/secret-id', {});
  writeFileSync(join(directory, 'role-id'), role.data.role_id);
  writeFileSync(join(directory, 'secret-id'), secret.data.secret_id);
  return { role_id: role.data.role_id, secret_id: secret.data.secret_id };
}

function configuration(name, credentials) {
  const file = join(directory, `${name}.toml`);
  writeFileSync(
    file,
    `[server]\naddress = "${address}"\n[login]\nmethod = "approle"\nrole_id_file = "role-id"\nsecret_id_file = "secret-id"\n` +
      `[[application]]\nid = "shop"\nsource = "coffer:secret/apps"\ndirectory = "${credentials}"\n`,
    { mode: 0o644 },
  );
  return file;
}

/** Milliseconds of a whole run. */
function timed(args) {
  const begun = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { env: plainEnvironment(), encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

/** Milliseconds that the server takes for what a round asks. */
async function servers(login) {
  const begun = process.hrtime.bigint();
  const { auth } = await ask('POST', 'auth/approle/login', login, '');
  await ask('GET', 'sys/internal/ui/mounts/secret/apps/shop', undefined, auth.client_token);
  await ask('GET', 'secret/data/apps/shop', undefined, auth.client_token);
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

/** Milliseconds that the disk takes for what a first round has to be sure of: two files and four directories. */
function disks(name) {
  const begun = process.hrtime.bigint();
  for (let each = 0; each < 6; each++) {
    const file = openSync(join(directory, `${name}-${each}`), 'w');
    writeSync(file, 'a credential');
    fsyncSync(file);
    closeSync(file);
  }
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

async function memory() {
  const file = configuration('waiting', 'waiting');
  const child = spawn(process.execPath, [coffer, 'agent', '--config', file], {
    env: plainEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    for await (const chunk of child.stderr) if (String(chunk).includes('"written"')) break;
    await pause(3_000);
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
  } finally {
    child.kill('SIGTERM');
  }
}

try {
  const login = await setUp();
  const bare = [];
  const ours = [];
  const asked = [];
  const synced = [];
  for (let round = 0; round < rounds; round++) {
    const file = configuration(`round-${round}`, `credentials-${round}`);
    bare.push(timed(['-e', '0']));
    ours.push(timed([coffer, 'agent', '--config', file, '--once']));
    asked.push(await servers(login));
    synced.push(disks(`disk-${round}`));
  }
  const [node, once, theirs, disk] = [bare, ours, asked, synced].map(median);
  console.log(`node -e 0                 ${node.toFixed(0)} ms`);
  console.log(`what the server takes     ${theirs.toFixed(1)} ms`);
  console.log(`what the disk takes       ${disk.toFixed(1)} ms`);
  console.log(`coffer agent --once       ${once.toFixed(0)} ms`);
  console.log(`ratio without these two   ${((once - theirs - disk) / node).toFixed(2)}, wanted 3 at most`);
  if (process.platform === 'linux') {
    console.log(`RssAnon of one that waits ${(await memory()).toFixed(1)} MiB, wanted 60 at most`);
  }
} finally {
  agent.destroy();
  await stop(server);
  rmSync(directory, { recursive: true, force: true });
}

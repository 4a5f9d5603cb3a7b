/** The Helm chart: its values, what it makes of them, and a server started as a pod of it would be. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartDigest } from '../../tools/chart-digest.mjs';
import { Image } from './image.ts';
import { root } from './released-package.ts';
import { checkKubernetes } from './schemas.ts';
import { settingVariables } from './variables.ts';

type Tree = Readonly<Record<string, unknown>>;

interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: Tree;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly readinessProbe?: { readonly httpGet: { readonly path: string } };
  readonly livenessProbe?: { readonly httpGet: { readonly path: string } };
}

interface PodSpec {
  readonly securityContext: Tree;
  readonly automountServiceAccountToken: boolean;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly emptyDir?: { readonly medium?: string } }[];
}

interface Rendered {
  readonly text: string;
  readonly kinds: readonly string[];
  readonly pod: PodSpec;
  readonly claims: readonly string[];
  readonly config: string;
}

const folder = join(root, 'deploy/helm');
const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const examples = readdirSync(join(folder, 'examples')).toSorted();

function rendered(example: string): Rendered {
  const text = read(`rendered/${example}`);
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS({}) as Tree | null)
    .filter((object) => object !== null);
  const spec = (kind: string) => objects.find((object) => object['kind'] === kind) ?? {};
  const stateful = spec('StatefulSet')['spec'] as {
    readonly template: { readonly spec: PodSpec };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
  return {
    text,
    kinds: objects.map(({ kind }) => String(kind)),
    pod: stateful.template.spec,
    claims: stateful.volumeClaimTemplates.map(({ metadata }) => metadata.name),
    config: (spec('ConfigMap')['data'] as Readonly<Record<string, string>>)['coffer.toml'] ?? '',
  };
}

describe.each(examples)('what the chart makes of examples/%s', (example) => {
  const { text, pod, kinds, claims } = rendered(example);

  it('is as fresh as the chart, and the same where Helm is', () => {
    // After a change: node tools/render-chart.mjs, which needs Helm.
    expect(text.slice(0, text.indexOf('\n'))).toContain(chartDigest(folder, example));
    if (spawnSync('helm', ['version']).status !== 0) return;
    const words = ['template', 'coffer', 'coffer', '--namespace', 'coffer', '--kube-version', '1.31.0'];
    const made = spawnSync('helm', [...words, '-f', `examples/${example}`], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(made.stderr).toBe('');
    expect(text.slice(text.indexOf('\n') + 1)).toBe(made.stdout.replaceAll(/[ \t]+$/gm, ''));
  });

  it('is what Kubernetes takes', () => {
    expect(checkKubernetes(join(folder, 'rendered', example))).toBe('');
    expect(kinds).toEqual(
      expect.arrayContaining(['StatefulSet', 'Service', 'NetworkPolicy', 'PodDisruptionBudget']),
    );
  });

  it('is a pod of the standard "restricted"', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10_001,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    for (const { securityContext } of [...pod.containers, ...pod.initContainers]) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('threat 16: holds no secret, and keeps copies of keys in memory or on a volume of their own', () => {
    expect(kinds).not.toContain('Secret');
    for (const { name, emptyDir } of pod.volumes) {
      if (emptyDir !== undefined) expect(emptyDir.medium, name).toBe('Memory');
    }
    const key = claims.includes('key') || pod.volumes.some(({ name }) => name === 'key');
    expect(key).toBe(true);
    const names = (pod.containers[0]?.env ?? []).map(({ name }) => name);
    const known = ['POD_NAME', 'POD_NAMESPACE', 'COFFER_CONFIG'];
    expect(names.filter((name) => !settingVariables.has(name) && !known.includes(name))).toEqual([]);
  });
});

describe('values', () => {
  const values = parse(read('coffer/values.yaml')) as Tree;
  const validate = new Ajv({ strict: false, allErrors: true }).compile(
    JSON.parse(read('coffer/values.schema.json')) as Tree,
  );
  const with_ = (change: Tree) => merged(values, change);

  it.each(examples)('of examples/%s are taken', (example) => {
    const given = with_(parse(read(`examples/${example}`)) as Tree);
    expect(validate(given), JSON.stringify(validate.errors)).toBe(true);
  });

  const open = { tls: { disable: true } };
  it.each<readonly [string, Tree]>([
    ['no certificate and nothing said of it', {}],
    ['a certificate that is not used', { tls: { disable: true, existingSecret: 'x' } }],
    ['a name that is none', { ...open, nonsense: 1 }],
    ['several servers on one volume', { ...open, replicas: 2 }],
    ['several keyfiles', { ...open, replicas: 2, storage: { existingSecret: 'x' } }],
    [
      'a keyfile and a new store',
      { ...open, storage: { existingSecret: 'x' }, seal: { keyfile: { existingSecret: 'x' } } },
    ],
    ['KMS without a key', { ...open, seal: { type: 'awskms' } }],
    ['a key that is no address', { ...open, seal: { type: 'awskms', awskms: { keys: ['alias/x'] } } }],
    ['a file name with a path in it', { ...open, seal: { keyfile: { key: '../x' } } }],
    ['a monitor of metrics that are not served', { ...open, metrics: { serviceMonitor: { enabled: true } } }],
  ])('are refused: %s', (_, change) => {
    expect(validate(with_(change))).toBe(false);
  });

  it('are all used, and nothing else is', () => {
    const templates = readdirSync(join(folder, 'coffer/templates')).map((name) =>
      read(`coffer/templates/${name}`),
    );
    const used = new Set(
      templates.flatMap((text) =>
        [...text.matchAll(/\.Values((?:\.\w+)+)/g)].map(([, path = '']) => path.slice(1)),
      ),
    );
    const there = paths(values);
    expect(
      [...used].filter((path) => !there.some((leaf) => leaf === path || leaf.startsWith(`${path}.`))),
    ).toEqual([]);
    expect(
      there.filter((leaf) => ![...used].some((path) => leaf === path || leaf.startsWith(`${path}.`))),
    ).toEqual([]);
  });
});

function merged(base: unknown, change: unknown): unknown {
  const isTree = (value: unknown): value is Tree =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isTree(base) || !isTree(change)) return change;
  const names = Object.keys({ ...base, ...change });
  return Object.fromEntries(
    names.map((name) => [name, name in change ? merged(base[name], change[name]) : base[name]]),
  );
}

/** Paths of what is no tree with members. */
function paths(value: unknown, before = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [before];
  const members = Object.entries(value);
  if (members.length === 0) return [before];
  return members.flatMap(([name, member]) => paths(member, before === '' ? name : `${before}.${name}`));
}

describe('a pod', () => {
  let image: Image;
  beforeAll(() => {
    image = new Image();
  });
  afterAll(() => image?.[Symbol.dispose]());

  /** Volumes as a cluster mounts them: their roots are root's, and open to the pod's group. */
  function mount(config: string): string {
    const volumes = image.makeVolumes();
    for (const path of ['var/lib/coffer', 'var/lib/coffer-key', 'run/coffer', 'etc/coffer']) {
      mkdirSync(join(volumes, path), { recursive: true });
      if (path === 'etc/coffer') continue;
      if (process.getuid?.() === 0) chownSync(join(volumes, path), 0, 10_001);
      chmodSync(join(volumes, path), 0o2775);
    }
    const text = image.place(volumes, config).replaceAll(/0\.0\.0\.0:\d+/g, '127.0.0.1:0');
    writeFileSync(join(volumes, 'etc/coffer/coffer.toml'), text, { mode: 0o644 });
    return volumes;
  }

  it('serves, and serves again after the cluster opened its files to the group', async () => {
    const { pod, config } = rendered('single.yaml');
    const [init] = pod.initContainers;
    const [server] = pod.containers;
    const volumes = mount(config);
    const env = Object.fromEntries(
      (server?.env ?? []).map(({ name, value }) => [name, value ?? name.toLowerCase()]),
    );
    const address = (env['COFFER_API_ADDR'] ?? '').replaceAll(
      /\$\((\w+)\)/g,
      (_, name: string) => env[name] ?? '',
    );
    const prepare = () => image.run(volumes, init?.command ?? [], {});
    const start = () =>
      image.start(volumes, ['node', '/opt/coffer/bin/coffer.js', ...(server?.args ?? [])].slice(2), {
        ...env,
        COFFER_API_ADDR: address,
      });
    const probe = async (at: string, path = '') => (await fetch(`${at}${path}`)).status;

    expect(await prepare()).toEqual({ code: 0, stdout: '', stderr: '' });
    const first = await start();
    const ready = server?.readinessProbe?.httpGet.path;
    const alive = server?.livenessProbe?.httpGet.path;
    expect(await probe(first.address, ready)).toBe(200);
    const key = join(volumes, 'var/lib/coffer-key/coffer');
    const [token = ''] = readdirSync(key).filter((name) => name.endsWith('.root-token'));
    const asked = { COFFER_ADDR: first.address, COFFER_TOKEN: readFileSync(join(key, token), 'utf8').trim() };
    await image.run(volumes, ['/usr/local/bin/coffer', 'operator', 'seal'], asked);
    expect(await probe(first.address, ready)).toBe(503);
    expect(await probe(first.address, alive)).toBe(200);
    await first.stop();

    const data = join(volumes, 'var/lib/coffer/data');
    for (const path of [data, key]) spawnSync('chmod', ['-R', 'g+rwX', path]);
    await expect(start()).rejects.toThrow('so others may');
    expect(await prepare()).toMatchObject({ code: 0 });
    expect(statSync(data).mode & 0o077).toBe(0);
    const again = await start();
    expect(await probe(again.address, alive)).toBe(200);
    expect(await again.stop()).toMatchObject({ code: 0 });
  });

  it('threat 26: takes keys of a Secret by copies that are for the server alone', async () => {
    const { pod, config } = rendered('keyfile.yaml');
    const volumes = mount(config);
    for (const [path, names] of Object.entries({ keyfile: ['keyfile'], tls: ['tls.key', 'tls.crt'] })) {
      const place = join(volumes, 'run/secrets', path);
      mkdirSync(place, { recursive: true });
      for (const name of names) {
        writeFileSync(join(place, name), name);
        if (process.getuid?.() === 0) chownSync(join(place, name), 0, 10_001);
        chmodSync(join(place, name), 0o440);
      }
    }
    expect(await image.run(volumes, pod.initContainers[0]?.command ?? [], {})).toMatchObject({
      code: 0,
      stderr: '',
    });
    const modes = ['keyfile', 'tls.key', 'tls.crt'].map(
      (name) => statSync(join(volumes, 'run/coffer', name)).mode & 0o777,
    );
    expect(modes).toEqual([0o600, 0o600, 0o644]);
    const env = pod.containers[0]?.env ?? [];
    expect(env.find(({ name }) => name === 'COFFER_KEYFILE')?.value).toBe('/run/coffer/keyfile');
    expect(pod.containers[0]?.args).toEqual(['server']);
  });
});

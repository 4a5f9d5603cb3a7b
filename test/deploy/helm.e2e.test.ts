/** The Helm chart: its values, and what it makes of them. Pods of it are started by the test of the container. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartDigest } from '../../tools/chart-digest.mjs';
import { examples, folder, read, rendered, type Tree } from './rendered.ts';
import { checkKubernetes } from './schemas.ts';
import { settingVariables } from './variables.ts';

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
    expect(pod.automountServiceAccountToken).toBe(kinds.includes('ClusterRoleBinding'));
    for (const { securityContext } of [...pod.containers, ...pod.initContainers]) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('is not restarted for a store that is away', () => {
    // Health asks the store, and says 503 while it does not answer; then all servers would go, and those that people open stay sealed.
    const [{ livenessProbe, readinessProbe } = {}] = pod.containers;
    expect(livenessProbe?.httpGet).toEqual({ ...readinessProbe?.httpGet, path: '/v1/sys/alive' });
    expect(readinessProbe?.httpGet.path).toBe('/v1/sys/health');
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

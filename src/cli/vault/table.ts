/** Every verb of `coffer vault`: where it is, and what older releases of the old program called it. A family loads when it is used. */
import type { Verbs } from './verb.ts';

type Family = () => Promise<{ readonly verbs: Verbs }>;

const logical: Family = () => import('./logical.ts');
const kv: Family = () => import('./kv.ts');
const kvMetadata: Family = () => import('./kv-metadata.ts');
const mounts: Family = () => import('./mounts.ts');
const policy: Family = () => import('./policy.ts');
const token: Family = () => import('./token.ts');
const lease: Family = () => import('./lease.ts');
const login: Family = () => import('./login.ts');
const operator: Family = () => import('./operator.ts');
const rekey: Family = () => import('./rekey.ts');
const generateRoot: Family = () => import('./generate-root.ts');
const audit: Family = () => import('./audit.ts');
const status: Family = () => import('./status.ts');
const server: Family = () => import('./server.ts');

export const families: Readonly<Record<string, Family>> = {
  read: logical,
  write: logical,
  patch: logical,
  delete: logical,
  list: logical,
  unwrap: logical,
  'path-help': logical,
  'kv get': kv,
  'kv put': kv,
  'kv patch': kv,
  'kv list': kv,
  'kv delete': kv,
  'kv undelete': kv,
  'kv destroy': kv,
  'kv rollback': kv,
  'kv enable-versioning': kvMetadata,
  'kv metadata get': kvMetadata,
  'kv metadata put': kvMetadata,
  'kv metadata patch': kvMetadata,
  'kv metadata delete': kvMetadata,
  login,
  auth: login,
  'auth list': mounts,
  'auth enable': mounts,
  'auth disable': mounts,
  'auth move': mounts,
  'auth tune': mounts,
  'auth help': mounts,
  'secrets list': mounts,
  'secrets enable': mounts,
  'secrets disable': mounts,
  'secrets move': mounts,
  'secrets tune': mounts,
  'policy list': policy,
  'policy read': policy,
  'policy write': policy,
  'policy delete': policy,
  'policy fmt': policy,
  'token create': token,
  'token lookup': token,
  'token renew': token,
  'token revoke': token,
  'token capabilities': token,
  'print token': token,
  'lease renew': lease,
  'lease revoke': lease,
  'lease lookup': lease,
  'operator init': operator,
  'operator unseal': operator,
  'operator seal': operator,
  'operator rotate': operator,
  'operator key-status': operator,
  'operator step-down': operator,
  'operator members': operator,
  'operator rekey': rekey,
  'operator generate-root': generateRoot,
  'audit list': audit,
  'audit enable': audit,
  'audit disable': audit,
  status,
  version: status,
  server,
};

/** Names of releases before 0.9. */
const formerNames: Readonly<Record<string, string>> = {
  mounts: 'secrets list',
  mount: 'secrets enable',
  unmount: 'secrets disable',
  remount: 'secrets move',
  'mount-tune': 'secrets tune',
  'auth-enable': 'auth enable',
  'auth-disable': 'auth disable',
  policies: 'policy list',
  'policy-write': 'policy write',
  'policy-delete': 'policy delete',
  'token-create': 'token create',
  'token-lookup': 'token lookup',
  'token-renew': 'token renew',
  'token-revoke': 'token revoke',
  capabilities: 'token capabilities',
  renew: 'lease renew',
  revoke: 'lease revoke',
  init: 'operator init',
  unseal: 'operator unseal',
  seal: 'operator seal',
  rotate: 'operator rotate',
  rekey: 'operator rekey',
  'key-status': 'operator key-status',
  'generate-root': 'operator generate-root',
  'step-down': 'operator step-down',
  'audit-list': 'audit list',
  'audit-enable': 'audit enable',
  'audit-disable': 'audit disable',
};

/** Verbs of the old program that are not here, and what to do. */
export const refused: Readonly<Record<string, string>> = {
  ssh: 'there is no SSH engine',
  agent: 'there is no agent; clients speak to the server',
  proxy: 'there is no proxy; clients speak to the server',
  debug: '`coffer doctor` looks for what is wrong',
  monitor: 'the log of the server is on its standard error, and GET sys/monitor streams it',
  namespace: 'there are no namespaces',
  plugin: 'nothing is loaded from elsewhere; `vault read sys/plugins/catalog` lists what is built in',
  pki: 'there is no PKI engine',
  transform: 'there is no transform engine',
  transit: '`vault write transit/keys/NAME/import` does the same',
  events: 'there are no events',
  hcp: 'there is no such service',
  'token-helper': 'the token is in ~/.vault-token',
  'operator raft': 'every node is equal; nothing has to join',
  'operator migrate': '`coffer operator backup` and `restore` move a store',
  'operator diagnose': '`coffer server --check` and `coffer doctor` do that',
  'operator usage': 'nothing is counted for billing',
};

export const verbNames: readonly string[] = [
  ...new Set([...Object.keys(families), ...Object.keys(formerNames)]),
].toSorted();

/** Words under today's names. Flags may stand between a group and its verb nowhere, so the first words are names. */
export function canonicalWords(words: readonly string[]): readonly string[] {
  const [first = '', second, ...rest] = words;
  if (first === '-version' || first === '--version' || first === '-v') return ['version', ...words.slice(1)];
  // `policies NAME` showed one.
  if (first === 'policies' && second !== undefined && !second.startsWith('-')) {
    return ['policy', 'read', second, ...rest];
  }
  const today = Object.hasOwn(formerNames, first) ? formerNames[first] : undefined;
  return today === undefined ? words : [...today.split(' '), ...words.slice(1)];
}

/**
 * Which way imports point. The tables below are the law; `checkArrows` holds the tree under `src/` against them.
 *
 * A place in a table is a file (`core/view.ts`) or a folder with all below it (`crypto/`). `*` stands for one folder name, and
 * `./` for the folder that matched.
 */

/** Everyone may know these. */
const ground = [
  'errors.ts',
  'json.ts',
  'json-loss.ts',
  'secret-value.ts',
  'clock.ts',
  'version.ts',
  'suggest.ts',
  'doorkeeper.ts',
  'origin.ts',
] as const;

/** The shapes and small rules that core's rooms share among each other. None of them knows the road. */
export const sharedInCore = [
  'core/audit-lines.ts',
  'core/core-call.ts',
  'core/declared-operation.ts',
  'core/destination.ts',
  'core/due.ts',
  'core/endpoint.ts',
  'core/endpoint-table.ts',
  'core/epoch.ts',
  'core/field.ts',
  'core/field-names.ts',
  'core/judge.ts',
  'core/list-page.ts',
  'core/merge-patch.ts',
  'core/meter.ts',
  'core/network.ts',
  'core/notices.ts',
  'core/pages.ts',
  'core/path.ts',
  'core/peers.ts',
  'core/request.ts',
  'core/retry.ts',
  'core/rooms.ts',
  'core/stored-json.ts',
  'core/tool-values.ts',
  'core/ttl.ts',
  'core/ttl-rule.ts',
  'core/two-generation-cache.ts',
  'core/view.ts',
  'core/witness.ts',
  'core/within-time.ts',
] as const;

/** What of core an engine is handed. */
export const handedToEngines = [
  'core/endpoint.ts',
  'core/list-page.ts',
  'core/field-names.ts',
  'core/merge-patch.ts',
  'core/notices.ts',
  'core/pages.ts',
  'core/request.ts',
  'core/retry.ts',
  'core/scan-names.ts',
  'core/stored-json.ts',
  'core/tool-values.ts',
  'core/ttl.ts',
  'core/ttl-rule.ts',
  'core/two-generation-cache.ts',
  'core/view.ts',
] as const;

/** What engines share among each other. */
export const sharedByEngines = ['engine/name-template.ts', 'engine/user-intent.ts'] as const;

/**
 * What of core an auth method is handed besides: what a name may be and which look alike, whether an address is in a network, which policies a role may name, the
 * lock-out after failed logins, and how fast one address may go.
 */
export const handedToAuthMethods = [
  'core/identity/names.ts',
  'core/lockout/lock-state.ts',
  'core/lockout/lockout.ts',
  'core/network.ts',
  'core/policy/assignable.ts',
  'core/quota/buckets.ts',
] as const;

/** What kinds of service-user providers share among each other. */
export const sharedByProviders = [
  'service-user/api-place.ts',
  'service-user/provider-options.ts',
  'service-user/token-grant.ts',
] as const;

/** What auth methods share among each other. */
export const sharedByAuthMethods = [
  'auth/fresh-copy.ts',
  'auth/glob.ts',
  'auth/role-records.ts',
  'auth/token-fields.ts',
] as const;

/** What of core a listener needs. */
export const handedToListeners = ['core/path.ts', 'core/request.ts', 'core/ttl.ts'] as const;

/** The seam of dialects, and what they share. */
export const dialectSeam = [
  'http/bounded-json.ts',
  'http/dialect/answer-data.ts',
  'http/dialect/dialect.ts',
  'http/dialect/go-json.ts',
  'http/percent.ts',
  'http/refusal.ts',
] as const;

/** The seal seam: the ways to a root key, and what rests in the clear before there is one. */
export const sealSeam = [
  'seal/addressed-seal.ts',
  'seal/boot.ts',
  'seal/boot-record.ts',
  'seal/collector.ts',
  'seal/key-text.ts',
  'seal/migration-mark.ts',
  'seal/seal.ts',
  'seal/slot-maker.ts',
  'seal/slots.ts',
  'seal/unwrap-by-any.ts',
  'seal/wrapped-root-key.ts',
] as const;

/** The storage seam, and what its implementations share. */
export const storageSeam = [
  'storage/key-order.ts',
  'storage/listing.ts',
  'storage/occupants.ts',
  'storage/opened-storage.ts',
  'storage/revision.ts',
  'storage/room.ts',
  'storage/snapshot.ts',
  'storage/storage-type.ts',
  'storage/storage.ts',
] as const;

export interface Rule {
  /** Folder or file it is for; of several that match, the longest counts. */
  readonly from: string;
  readonly may: readonly string[];
  /** Only with `import type`. */
  readonly types?: readonly string[];
}

/** The seam of places of backups, what their names are like among it. */
const backupSeam = 'backup-place/backup-place.ts';
/** The seam of notifiers; the core only holds what implements it. */
const notifierSeam = 'notifier/notifier.ts';
/** The seam of audit devices; the core only holds what implements it. */
const deviceSeam = 'audit-device/audit-device.ts';
/** The seam of delivery targets, and the documents that go there. */
const deliverySeam = ['delivery/document.ts', 'delivery/document-text.ts', 'delivery/target.ts'] as const;
/** What targets share among each other. */
const sharedByTargets = [
  'delivery/address.ts',
  'delivery/named-target.ts',
  'delivery/places.ts',
  'delivery/target-call.ts',
] as const;
/** The seam of service-user providers. */
const providerSeam = 'service-user/provider.ts';
const storage = 'storage/storage.ts';
const snapshots = 'storage/snapshot.ts';
const room = 'storage/room.ts';
/** An engine, and what some engines offer besides. */
const engineSeam = ['engine/engine.ts', 'engine/secret-tree.ts'] as const;

export const rules: readonly Rule[] = [
  { from: 'errors.ts', may: [] },
  { from: 'json.ts', may: [] },
  { from: 'json-loss.ts', may: [] },
  { from: 'secret-value.ts', may: ['json.ts'] },
  { from: 'clock.ts', may: [] },
  { from: 'version.ts', may: [] },
  { from: 'suggest.ts', may: [] },
  { from: 'doorkeeper.ts', may: [] },
  { from: 'origin.ts', may: [] },
  { from: 'log.ts', may: [...ground] },
  { from: 'main/', may: [''] },
  { from: 'config/', may: ['./', ...ground] },
  { from: 'crypto/', may: ['./', ...ground] },
  { from: 'outgoing/', may: ['./', ...ground] },
  { from: 'aws/', may: ['./', ...ground] },
  // The table of KMS and DynamoDB: opened by the command line with no server, and mounted on one.
  { from: 'credstash/', may: ['./', 'aws/', 'crypto/', ...ground] },
  // An installation of dssss, for who takes its secrets along.
  { from: 'dssss/', may: ['./', 'aws/', 'crypto/secretbox.ts', ...ground] },
  // The table of stsftw's accounts, for whoever takes it over.
  { from: 'stsftw/', may: ['./', 'aws/', 'crypto/', ...ground] },
  // Requests of enrolment that wait in a table: put there by the command line with no server in reach, and taken over by one.
  { from: 'inbox/', may: ['./', 'aws/', 'crypto/', ...ground] },
  { from: 'template/', may: ['./', ...ground] },
  { from: 'client/', may: ['./', ...ground] },
  // A program beside an application: it asks a server through the client, and a bucket of its own source by itself.
  {
    from: 'agent/',
    may: [
      './',
      'aws/',
      'client/',
      'config/',
      'delivery/document.ts',
      'delivery/document-text.ts',
      'template/',
      ...ground,
    ],
    types: ['log.ts'],
  },
  {
    from: 'cli/',
    may: [
      './',
      // A login with an identity at AWS is signed where that is.
      'aws/signed-identity.ts',
      'client/',
      'config/',
      'credstash/',
      'delivery/delivery-policy.ts',
      'dssss/',
      // A secret for one-time codes is shown to a camera.
      'crypto/barcode.ts',
      'file-safe/',
      // An enrolment with no server in reach.
      'inbox/',
      // What is asked of others than our own server.
      'outgoing/https.ts',
      'stsftw/',
      'template/',
      ...ground,
    ],
  },
  // A store that the command line opens by itself: what a server has below its engines, and of these kv's records.
  {
    from: 'file-safe/',
    may: [
      './',
      'barrier/',
      'crypto/',
      ...sealSeam,
      'seal/keyfile/',
      'seal/passphrase/',
      storage,
      'storage/lmdb/',
      'engine/kv/',
      'core/due.ts',
      'core/mount/view.ts',
      'core/retry.ts',
      'core/view.ts',
      ...ground,
    ],
    types: [...engineSeam],
  },
  { from: 'http/', may: ['./', ...handedToListeners, ...ground] },
  // Requests that come as events: what they mean is read where a listener's are.
  { from: 'lambda/', may: ['./', 'http/', ...ground], types: ['core/request.ts'] },
  // A dialect knows its seam and the forms of requests: never the road, another dialect, or an engine.
  { from: 'http/dialect/*/', may: ['./', ...dialectSeam, ...handedToListeners, ...ground] },
  {
    from: 'core/',
    may: ['./', 'barrier/', 'crypto/', storage, snapshots, room, ...sealSeam, deviceSeam, ...ground],
    types: [...engineSeam],
  },
  {
    from: 'core/*/',
    may: ['./', 'core/*/', ...sharedInCore, 'crypto/', storage, ...ground],
    types: ['barrier/store.ts', deviceSeam, notifierSeam, ...engineSeam],
  },
  // Key slots are opened and made here, by keys that people hand in.
  {
    from: 'core/key/',
    may: ['./', 'core/*/', ...sharedInCore, 'crypto/', storage, ...sealSeam, ...ground],
    types: ['barrier/barrier.ts', 'barrier/store.ts', ...engineSeam],
  },
  // A backup holds everything, and a restore is the way back: it knows the barrier, and what of the store is in the clear.
  {
    from: 'core/backup/',
    may: [
      './',
      'core/*/',
      ...sharedInCore,
      backupSeam,
      'barrier/',
      'crypto/',
      storage,
      snapshots,
      ...sealSeam,
      ...ground,
    ],
    types: [...engineSeam],
  },
  // A migration moves records as they are sealed, and knows only what of the store is in the clear.
  {
    from: 'core/migration/',
    may: [
      './',
      'core/backup/batch-writer.ts',
      'crypto/',
      storage,
      'storage/key-order.ts',
      'storage/occupants.ts',
      ...sealSeam,
      ...ground,
    ],
  },
  {
    from: 'telemetry/',
    may: ['./', 'core/meter.ts', ...ground],
    types: [
      'core/audit/audit.ts',
      'core/endpoint.ts',
      'core/request.ts',
      'core/sample.ts',
      'engine/engine.ts',
      storage,
    ],
  },
  { from: 'backup-place/', may: [backupSeam, ...ground] },
  { from: 'backup-place/*/', may: ['./', backupSeam, 'aws/', ...ground] },
  { from: 'audit-device/', may: [deviceSeam, ...ground] },
  {
    from: 'audit-device/*/',
    may: ['./', deviceSeam, 'audit-device/connection.ts', ...ground],
  },
  { from: 'notifier/', may: [notifierSeam, ...ground] },
  { from: 'notifier/*/', may: ['./', notifierSeam, 'notifier/letter-text.ts', 'outgoing/', ...ground] },
  {
    from: 'notifier/sns/',
    may: ['./', notifierSeam, 'notifier/letter-text.ts', 'aws/', ...ground],
  },
  { from: 'barrier/', may: ['./', 'crypto/', storage, ...sealSeam, ...ground] },
  { from: 'seal/', may: [...sealSeam, 'crypto/', storage, ...ground] },
  { from: 'seal/*/', may: ['./', ...sealSeam, 'crypto/', ...ground] },
  { from: 'seal/awskms/', may: ['./', 'aws/', ...sealSeam, 'crypto/', ...ground] },
  { from: 'storage/', may: [...storageSeam, ...ground] },
  { from: 'storage/*/', may: ['./', ...storageSeam, ...ground] },
  { from: 'storage/dynamodb/', may: ['./', 'aws/', ...storageSeam, ...ground] },
  {
    from: 'engine/',
    may: [...engineSeam, ...ground],
    types: [...handedToEngines, 'core/lockout/lock-state.ts', 'crypto/random.ts', storage],
  },
  { from: 'engine/name-template.ts', may: ['crypto/random.ts', ...ground] },
  {
    from: 'engine/user-intent.ts',
    may: [...handedToEngines, 'crypto/random.ts', ...ground],
    types: [storage],
  },
  {
    from: 'engine/*/',
    may: ['./', ...engineSeam, ...sharedByEngines, ...handedToEngines, 'crypto/random.ts', ...ground],
    types: [storage],
  },
  // A database is handed what it keeps of a password, in place of the password.
  {
    from: 'engine/database/',
    may: [
      './',
      ...engineSeam,
      ...sharedByEngines,
      ...handedToEngines,
      'crypto/random.ts',
      'crypto/scram-verifier.ts',
      ...ground,
    ],
    types: [storage],
  },
  // Credentials of AWS are made at AWS.
  {
    from: 'engine/aws/',
    may: ['./', ...engineSeam, ...sharedByEngines, ...handedToEngines, 'aws/', 'crypto/random.ts', ...ground],
    types: [storage],
  },
  // Applications' users are at a provider, and their credentials go to targets.
  {
    from: 'engine/service-users/',
    may: [
      './',
      ...engineSeam,
      ...sharedByEngines,
      ...handedToEngines,
      ...deliverySeam,
      providerSeam,
      'outgoing/',
      'crypto/random.ts',
      ...ground,
    ],
    types: [storage],
  },
  { from: 'delivery/', may: [...deliverySeam, ...sharedByTargets, 'crypto/random.ts', ...ground] },
  // What IAM must allow for deliveries, as the command line prints it.
  { from: 'delivery/delivery-policy.ts', may: [...sharedByTargets, 'delivery/*/', ...ground] },
  {
    from: 'delivery/named-target.ts',
    may: [...deliverySeam, ...sharedByTargets, 'aws/', 'crypto/random.ts', ...ground],
  },
  {
    from: 'delivery/*/',
    may: ['./', ...deliverySeam, ...sharedByTargets, 'aws/', 'outgoing/', ...ground],
    types: ['crypto/random.ts'],
  },
  {
    from: 'service-user/',
    may: [providerSeam, ...sharedByProviders, 'core/ttl.ts', 'outgoing/', ...ground],
    types: ['core/endpoint.ts', 'core/view.ts', 'crypto/random.ts', ...engineSeam],
  },
  {
    from: 'service-user/*/',
    may: [
      './',
      providerSeam,
      ...sharedByProviders,
      ...handedToEngines,
      'outgoing/',
      'crypto/random.ts',
      ...ground,
    ],
    types: [storage],
  },
  // Users that Coffer holds itself log in with it: names are locked as an auth method's are, and tokens are signed.
  {
    from: 'service-user/builtin/',
    may: [
      './',
      providerSeam,
      ...handedToEngines,
      'core/lockout/lockout.ts',
      'crypto/jwt/',
      'crypto/random.ts',
      ...ground,
    ],
    types: [storage, ...engineSeam],
  },
  {
    from: 'service-user/postgres/',
    may: [
      './',
      providerSeam,
      ...sharedByProviders,
      'crypto/scram-verifier.ts',
      'outgoing/guarded-lookup.ts',
      ...ground,
    ],
    types: ['crypto/random.ts'],
  },
  {
    from: 'service-user/aws-iam/',
    may: ['./', providerSeam, ...sharedByProviders, 'aws/', ...ground],
  },
  {
    from: 'engine/totp/',
    may: [
      './',
      ...engineSeam,
      ...handedToEngines,
      'crypto/barcode.ts',
      'crypto/base32.ts',
      'crypto/one-time-code.ts',
      'crypto/otpauth.ts',
      'crypto/random.ts',
      ...ground,
    ],
    types: [storage],
  },
  // The same table as the command line's, for clients that have no rights at AWS.
  {
    from: 'engine/credstash/',
    may: [
      './',
      ...engineSeam,
      ...handedToEngines,
      'aws/aws-places.ts',
      'credstash/',
      'crypto/random.ts',
      ...ground,
    ],
    types: [storage],
  },
  {
    from: 'auth/',
    may: [...sharedByAuthMethods, ...engineSeam, ...handedToEngines, ...handedToAuthMethods, ...ground],
    types: [storage],
  },
  {
    from: 'auth/*/',
    may: [
      './',
      ...sharedByAuthMethods,
      ...engineSeam,
      ...handedToEngines,
      ...handedToAuthMethods,
      'crypto/digest.ts',
      'crypto/jwt/',
      'crypto/password-hash.ts',
      'crypto/random.ts',
      'crypto/x509/',
      'outgoing/',
      ...ground,
    ],
    types: [storage],
  },
  // One-time codes: what is derived, and how secrets of theirs are passed on.
  {
    from: 'auth/totp/',
    may: [
      './',
      ...sharedByAuthMethods,
      ...engineSeam,
      ...handedToEngines,
      ...handedToAuthMethods,
      // Requests that were made with no server in reach wait at AWS.
      'aws/aws-places.ts',
      'inbox/',
      'crypto/barcode.ts',
      'crypto/base32.ts',
      'crypto/one-time-code.ts',
      'crypto/otpauth.ts',
      'crypto/random.ts',
      ...ground,
    ],
    types: [storage],
  },
  {
    from: 'auth/aws/',
    may: [
      './',
      ...sharedByAuthMethods,
      ...engineSeam,
      ...handedToEngines,
      ...handedToAuthMethods,
      'aws/',
      'crypto/digest.ts',
      'crypto/pkcs7/',
      'crypto/random.ts',
      'crypto/x509/',
      'outgoing/',
      ...ground,
    ],
    types: [storage],
  },
];

/** Each package is adopted by one room and wrapped there; what two plug-ins of different kinds need, by each of them. */
export const packageOwners: Readonly<Record<string, string | readonly string[]>> = {
  '@aws-sdk/client-dynamodb': 'aws/',
  '@aws-sdk/client-ec2': 'aws/',
  '@aws-sdk/client-iam': 'aws/',
  '@aws-sdk/client-kms': 'aws/',
  '@aws-sdk/client-s3': 'aws/',
  '@aws-sdk/client-sns': 'aws/',
  '@aws-sdk/client-ssm': 'aws/',
  '@aws-sdk/client-sts': 'aws/',
  '@aws-sdk/credential-providers': 'aws/',
  '@noble/ciphers': 'crypto/secretbox.ts',
  '@opentelemetry/api': 'telemetry/',
  '@opentelemetry/exporter-trace-otlp-http': 'telemetry/',
  '@opentelemetry/sdk-trace-base': 'telemetry/',
  '@peculiar/asn1-cms': 'crypto/pkcs7/',
  '@peculiar/asn1-schema': ['crypto/pkcs7/', 'crypto/x509/'],
  '@peculiar/asn1-x509': ['crypto/pkcs7/', 'crypto/x509/'],
  '@smithy/core': 'aws/',
  '@smithy/signature-v4': 'aws/',
  jose: 'crypto/jwt/',
  lmdb: 'storage/lmdb/',
  mysql2: 'engine/database/mysql/',
  nodemailer: 'notifier/smtp/',
  pg: ['engine/database/postgresql/', 'service-user/postgres/', 'storage/postgres/'],
  'qrcode-generator': 'crypto/barcode.ts',
  'shamir-secret-sharing': 'crypto/shamir.ts',
  'smol-toml': 'config/',
  yaml: 'cli/',
};

/** Names of files that only tests load. */
export const testFile = /\.(test|contract|fixture|property\.test)\.ts$/;

export interface Import {
  /** As written. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Sources by path below `src/`, with `/`. */
export type Sources = ReadonlyMap<string, string>;

/** Every import and re-export of a file, static or not. Reads code as the formatter leaves it. */
export function importsOf(source: string): readonly Import[] {
  const found: Import[] = [];
  const statement = /^(?:import|export)\s([^'";]*?)\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm;
  for (const [, names = '', from, bare] of source.matchAll(statement)) {
    found.push({ target: from ?? bare ?? '', typeOnly: bare === undefined && namesOnlyTypes(names) });
  }
  const expression = /^(.*?)(typeof\s+)?\bimport\(\s*['"]([^'"]+)['"]\s*\)(\.[A-Z])?/gm;
  for (const [, before = '', typeOf, target = '', member] of source.matchAll(expression)) {
    if (/^\s*(\*|\/\/|\/\*)/.test(before)) continue;
    found.push({ target, typeOnly: typeOf !== undefined || member !== undefined });
  }
  return found;
}

function namesOnlyTypes(names: string): boolean {
  if (/^type\s/.test(names)) return true;
  const list =
    /^\{([^}]*)\}\s*$/
      .exec(names)?.[1]
      ?.split(',')
      .map((name) => name.trim()) ?? [];
  const named = list.filter((name) => name !== '');
  return named.length > 0 && named.every((name) => name.startsWith('type '));
}

/** One line for each import that goes against the tables, each package in a room that does not own it, and each cycle. */
export function checkArrows(sources: Sources): readonly string[] {
  const product = new Map([...sources].filter(([path]) => !testFile.test(path)));
  const problems: string[] = [];
  for (const [path, source] of product) {
    for (const imported of importsOf(source)) {
      const problem = problemOf(path, imported);
      if (problem !== undefined) problems.push(`${path} ${problem}`);
    }
  }
  return [
    ...problems,
    ...cyclesOf(valueGraph(product, (path) => path)).map((cycle) => `files in a circle: ${cycle}`),
    ...roomCycles(product),
  ];
}

function problemOf(path: string, { target, typeOnly }: Import): string | undefined {
  if (target.startsWith('node:')) return undefined;
  if (!target.startsWith('.')) return packageProblem(path, target);
  const to = resolvePath(path, target);
  if (to === undefined) return `imports ${target}, which is not product code`;
  if (testFile.test(to)) return `imports ${to}, which is for tests`;
  const rule = ruleFor(path);
  if (rule === undefined) return 'is in a room that has no rule';
  const own = ownFolder(rule.from, path);
  if (rule.may.some((place) => holds(place, to, own))) return undefined;
  if (!(rule.types ?? []).some((place) => holds(place, to, own))) return `must not import ${to}`;
  return typeOnly ? undefined : `may import only types of ${to}`;
}

function packageProblem(path: string, target: string): string | undefined {
  const name = target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
  const owner = packageOwners[name];
  if (owner === undefined) return `imports the package ${name}, which no room has adopted`;
  const owners = typeof owner === 'string' ? [owner] : owner;
  if (owners.some((one) => holds(one, path, ''))) return undefined;
  return `imports the package ${name}, which belongs to ${owners.join(' and ')}`;
}

/** The rule for a file: the longest that matches. */
export function ruleFor(path: string): Rule | undefined {
  const matching = rules.filter(({ from }) => holds(from, path, ''));
  return matching.toSorted((a, b) => a.from.split('/').length - b.from.split('/').length).at(-1);
}

/** Whether a place of a table is this file or holds it. */
function holds(place: string, path: string, own: string): boolean {
  const wanted = place.startsWith('./') ? own + place.slice(2) : place;
  if (wanted === '') return true;
  if (!wanted.endsWith('/')) return wanted === path;
  const parts = wanted.split('/').slice(0, -1);
  const folders = path.split('/').slice(0, -1);
  return parts.length <= folders.length && parts.every((part, at) => part === '*' || part === folders[at]);
}

function ownFolder(from: string, path: string): string {
  const depth = from.split('/').length - 1;
  return path
    .split('/')
    .slice(0, depth)
    .map((part) => `${part}/`)
    .join('');
}

/** Where an import points, below `src/`; undefined when it leaves that. */
function resolvePath(path: string, target: string): string | undefined {
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Who loads whom when the program runs, with files gathered into nodes. */
function valueGraph(product: Sources, nodeOf: (path: string) => string): Graph {
  const graph = new Map<string, Set<string>>();
  for (const [path, source] of product) {
    const from = nodeOf(path);
    const targets = graph.get(from) ?? new Set();
    graph.set(from, targets);
    for (const { target, typeOnly } of importsOf(source)) {
      const to = target.startsWith('.') ? resolvePath(path, target) : undefined;
      if (typeOnly || to === undefined || !product.has(to) || nodeOf(to) === from) continue;
      targets.add(nodeOf(to));
    }
  }
  return graph;
}

/** A room of the cycle check: core's rooms each by itself, what they share, and the core above them; elsewhere the first folder. */
export function roomOf(path: string): string {
  const [first = '', second, third] = path.split('/');
  if (first !== 'core' || second === undefined) return first;
  if (third !== undefined) return `core/${second}`;
  return sharedInCore.some((file) => file === path) ? 'core (shared)' : 'core';
}

function roomCycles(product: Sources): readonly string[] {
  return cyclesOf(valueGraph(product, roomOf)).map((cycle) => `rooms in a circle: ${cycle}`);
}

/** Groups of nodes that reach each other, by Tarjan's algorithm (SIAM J. Comput. 1, 1972). */
function cyclesOf(graph: Graph): readonly string[] {
  const order = new Map<string, { readonly index: number; low: number; open: boolean }>();
  const stack: string[] = [];
  const groups: string[] = [];
  const visit = (name: string): number => {
    const mark = { index: order.size, low: order.size, open: true };
    order.set(name, mark);
    stack.push(name);
    for (const next of graph.get(name) ?? []) {
      const seen = order.get(next);
      if (seen === undefined) mark.low = Math.min(mark.low, visit(next));
      else if (seen.open) mark.low = Math.min(mark.low, seen.index);
    }
    if (mark.low !== mark.index) return mark.low;
    const group = stack.splice(stack.indexOf(name));
    for (const member of group) {
      const closed = order.get(member);
      if (closed !== undefined) closed.open = false;
    }
    if (group.length > 1) groups.push(group.toSorted().join(', '));
    return mark.low;
  };
  for (const name of graph.keys()) if (!order.has(name)) visit(name);
  return groups;
}

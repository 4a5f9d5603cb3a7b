/** `sys/init`, `sys/seal-status`, `sys/unseal`, `sys/seal`, `sys/health`, `sys/alive`, `sys/leader`: a node's state, most of it without a token. */
import { type Clock, timestamp } from '../clock.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { vaultVersion, version } from '../version.ts';
import { aliveEndpoint } from './alive.ts';
import { coreEndpoint } from './core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply, ResponseSchema } from './endpoint.ts';
import type { AnswerData } from './request.ts';
import type { SealControl, SealStatus } from './seal-control.ts';

const clusterName = 'coffer';

const initFields = {
  secret_shares: { type: 'int', help: 'Unseal keys to make, 1 to 255.' },
  secret_threshold: { type: 'int', help: 'Unseal keys needed.' },
  pgp_keys: { type: 'list', help: 'Not supported.' },
  root_token_pgp_key: { type: 'string', help: 'Not supported.' },
  recovery_shares: {
    type: 'int',
    help: 'In place of secret_shares where the settings name a seal that opens by itself; refused elsewhere.',
  },
  recovery_threshold: { type: 'int', help: 'In place of secret_threshold, likewise.' },
  stored_shares: { type: 'int', help: 'Accepted when 0 or as many as secret_shares.' },
} as const satisfies Fields;

const secrets = {
  keys: { type: 'list', sensitive: true },
  keys_base64: { type: 'list', sensitive: true },
  recovery_keys: {
    type: 'list',
    sensitive: true,
    optional: true,
    help: 'In place of keys, where recovery_shares were asked for. They are unseal keys like any others.',
  },
  recovery_keys_base64: { type: 'list', sensitive: true, optional: true },
  root_token: { type: 'string', sensitive: true },
} as const satisfies ResponseSchema;

/** Known only while the store is open. */
const clusterSchema = {
  cluster_name: { type: 'string', optional: true },
  cluster_id: { type: 'string', optional: true },
} as const satisfies ResponseSchema;

const statusSchema = {
  type: { type: 'string' },
  initialized: { type: 'bool' },
  sealed: { type: 'bool' },
  t: { type: 'int' },
  n: { type: 'int' },
  progress: { type: 'int' },
  nonce: { type: 'string' },
  version: { type: 'string' },
  build_date: { type: 'string' },
  migration: { type: 'bool' },
  recovery_seal: { type: 'bool' },
  storage_type: { type: 'string' },
  coffer_version: { type: 'string' },
  coffer_waiting_for: {
    type: 'string',
    optional: true,
    help: 'While sealed: the kind of slot whose key does not answer and is asked again, and the code of the problem.',
  },
  ...clusterSchema,
} as const satisfies ResponseSchema;

const healthSchema = {
  initialized: { type: 'bool' },
  sealed: { type: 'bool' },
  standby: { type: 'bool' },
  performance_standby: { type: 'bool' },
  replication_performance_mode: { type: 'string' },
  replication_dr_mode: { type: 'string' },
  server_time_utc: { type: 'int' },
  version: { type: 'string' },
  coffer_version: { type: 'string' },
  enterprise: { type: 'bool' },
  clock_skew_ms: {
    type: 'int',
    optional: true,
    help: 'By how much this clock is ahead of the node that it differs from most; negative: behind.',
  },
  clock_in_doubt: {
    type: 'bool',
    optional: true,
    help: 'This clock may be ahead: what is due is not ended by this node meanwhile.',
  },
  clock_jump_seconds: {
    type: 'int',
    optional: true,
    nullable: true,
    help: 'By how much the time was set, where that was within a day and while this node ran.',
  },
  nodes: { type: 'int', optional: true, help: 'How many nodes serve the store, this one included.' },
  ...clusterSchema,
} as const satisfies ResponseSchema;

const leaderSchema = {
  ha_enabled: { type: 'bool', help: 'Several nodes can serve this store.' },
  is_self: { type: 'bool', help: 'This node takes every request: true unless it is sealed.' },
  active_time: { type: 'string', optional: true, help: 'Since when it does.' },
  leader_address: { type: 'string', help: 'Its own address.' },
  leader_cluster_address: { type: 'string', help: 'Nodes talk through the store: always empty.' },
  performance_standby: { type: 'bool' },
  performance_standby_last_remote_wal: { type: 'int' },
} as const satisfies ResponseSchema;

const bare = { login: true, whileSealed: true, plain: true } as const;

export function sealEndpoints(control: SealControl, clock: Clock): readonly Endpoint[] {
  return [
    initialization(control),
    status(control),
    unsealing(control),
    sealing(control),
    health(control, clock),
    aliveEndpoint(),
    leader(control),
  ];
}

function initialization(control: SealControl): Endpoint {
  return coreEndpoint({
    pattern: 'init',
    help: 'Says whether there is a store, or makes one that opens with unseal keys.',
    fields: initFields,
    operations: {
      read: {
        ...bare,
        summary: 'Whether there is a store',
        response: { initialized: { type: 'bool' } },
        handle: async () => ({ data: { initialized: (await control.status()).initialized } }),
      },
      update: {
        ...bare,
        summary: 'Make a store',
        response: secrets,
        handle: (call) => initialize(control, call.fields),
      },
    },
  });
}

async function initialize(control: SealControl, fields: FieldValues<typeof initFields>): Promise<Reply> {
  const { initialized, opensByItself } = await control.status();
  if (initialized) {
    throw new CofferError('already_initialized', 'Vault is already initialized');
  }
  if ((fields.pgp_keys?.length ?? 0) > 0 || fields.root_token_pgp_key) {
    throw new CofferError('invalid_request', 'encrypting the answer with PGP keys is not supported');
  }
  const recovery = Boolean(fields.recovery_shares || fields.recovery_threshold);
  if (recovery && !opensByItself) {
    throw new CofferError('invalid_request', 'recovery keys exist only with a seal that opens by itself');
  }
  const shares = (recovery ? fields.recovery_shares : fields.secret_shares) ?? 0;
  const threshold = (recovery ? fields.recovery_threshold : fields.secret_threshold) ?? 0;
  if (shares < 1 || threshold < 1) {
    throw new CofferError('invalid_request', 'secret_shares and secret_threshold are numbers from 1 to 255');
  }
  if (
    !recovery &&
    fields.stored_shares !== undefined &&
    fields.stored_shares !== 0 &&
    fields.stored_shares !== shares
  ) {
    throw new CofferError('invalid_request', 'stored_shares is not supported');
  }
  const made = await control.initialize({ shares, threshold });
  const hex = made.shares.map((share) => share.toString('hex'));
  const base64 = made.shares.map((share) => share.toString('base64'));
  const keys = recovery
    ? { keys: [], keys_base64: [], recovery_keys: hex, recovery_keys_base64: base64 }
    : { keys: hex, keys_base64: base64 };
  return { data: { ...keys, root_token: made.rootToken } };
}

function status(control: SealControl): Endpoint {
  return coreEndpoint({
    pattern: 'seal-status',
    help: 'Whether the store is sealed, and how many unseal keys it has and needs.',
    fields: {},
    operations: {
      read: {
        ...bare,
        summary: 'Seal status',
        response: statusSchema,
        handle: async () => ({ data: shownStatus(await control.status()) }),
      },
    },
  });
}

function shownStatus(status: SealStatus): AnswerData {
  return {
    type: status.kind,
    initialized: status.initialized,
    sealed: status.sealed,
    t: status.threshold,
    n: status.shares,
    progress: status.progress,
    nonce: '',
    version: vaultVersion,
    build_date: '',
    migration: false,
    recovery_seal: false,
    storage_type: status.storageKind,
    coffer_version: version,
    ...(status.waiting === undefined
      ? {}
      : { coffer_waiting_for: `${status.waiting.kind}: ${status.waiting.code}` }),
    ...(status.sealed ? {} : { cluster_name: clusterName, cluster_id: status.storeId ?? '' }),
  };
}

function unsealing(control: SealControl): Endpoint {
  return coreEndpoint({
    pattern: 'unseal',
    help: 'Takes one unseal key; with the last one needed the store opens.',
    fields: {
      key: { type: 'string', help: 'An unseal key in hex or base64.', sensitive: true },
      reset: { type: 'bool', help: 'Forget the keys handed in so far.' },
      migrate: { type: 'bool', help: 'Accepted without effect.' },
    },
    operations: {
      update: {
        ...bare,
        summary: 'Hand in an unseal key',
        response: statusSchema,
        handle: async (call) => {
          if (call.fields.reset === true) control.resetKeys();
          else if (call.fields.key === undefined || call.fields.key === '') {
            throw new CofferError(
              'invalid_request',
              "'key' must be specified in request body as JSON, or 'reset' set to true",
            );
          } else await control.submitKey(call.fields.key, call.remoteAddress);
          return { data: shownStatus(await control.status()) };
        },
      },
    },
  });
}

function sealing(control: SealControl): Endpoint {
  return coreEndpoint({
    pattern: 'seal',
    help: 'Seals the store on every node, until somebody unseals it with a key.',
    fields: {},
    operations: {
      update: {
        summary: 'Seal the store',
        sudo: true,
        spendsFirst: true,
        handle: async ({ caller, remoteAddress, requestId }) => {
          await control.recordSeal({ caller, remoteAddress, requestId });
          return { afterwards: () => control.drop() };
        },
      },
    },
  });
}

const healthFields = {
  // Switches by being there: probes send them without a value.
  standbyok: { type: 'string', help: 'Accepted: every node is active.' },
  perfstandbyok: { type: 'string', help: 'Accepted: every node is active.' },
  activecode: { type: 'int', help: 'Status code when active.' },
  standbycode: { type: 'int', help: 'Accepted: every node is active.' },
  sealedcode: { type: 'int', help: 'Status code when sealed.' },
  uninitcode: { type: 'int', help: 'Status code without a store.' },
  drsecondarycode: { type: 'int', help: 'Accepted: there is no replication.' },
  performancestandbycode: { type: 'int', help: 'Accepted: every node is active.' },
} as const satisfies Fields;

function health(control: SealControl, clock: Clock): Endpoint {
  return coreEndpoint({
    pattern: 'health',
    help: 'Tells by its status code whether this node serves: 200, 501 without a store, 503 when sealed.',
    fields: healthFields,
    operations: {
      read: {
        ...bare,
        summary: 'Health of this node',
        response: healthSchema,
        handle: async (call) => {
          const state = await control.status();
          return { status: healthCode(state, call.fields), data: shownHealth(state, clock.now()) };
        },
      },
    },
  });
}

function healthCode(state: SealStatus, codes: FieldValues<typeof healthFields>): number {
  const code = !state.initialized
    ? (codes.uninitcode ?? 501)
    : state.sealed
      ? (codes.sealedcode ?? 503)
      : (codes.activecode ?? 200);
  if (code < 200 || code > 599)
    throw new CofferError('invalid_request', 'a status code is a number from 200 to 599');
  return code;
}

function shownHealth(state: SealStatus, now: number): JsonObject {
  return {
    initialized: state.initialized,
    sealed: state.sealed,
    standby: false,
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: Math.floor(now / 1_000),
    version: vaultVersion,
    coffer_version: version,
    enterprise: false,
    ...shownNode(state),
    ...(state.sealed ? {} : { cluster_name: clusterName, cluster_id: state.storeId ?? '' }),
  };
}

function shownNode({ node }: SealStatus): JsonObject {
  if (node === undefined) return {};
  const { skew, inDoubt, jump } = node.clock;
  return {
    clock_skew_ms: Math.round(skew),
    clock_in_doubt: inDoubt,
    clock_jump_seconds: jump === undefined ? null : Math.round(jump / 1_000),
    nodes: node.nodes,
  };
}

function leader(control: SealControl): Endpoint {
  return coreEndpoint({
    pattern: 'leader',
    help: 'Every unsealed node takes every request, and says so of itself: there is no leader to follow.',
    fields: {},
    operations: {
      read: {
        ...bare,
        summary: 'Which node leads',
        response: leaderSchema,
        handle: async () => ({ data: shownLeader(await control.status()) }),
      },
    },
  });
}

function shownLeader({ isShared, node }: SealStatus): JsonObject {
  return {
    ha_enabled: isShared,
    is_self: isShared && node !== undefined,
    ...(isShared && node !== undefined ? { active_time: timestamp(node.since) } : {}),
    leader_address: isShared ? (node?.address ?? '') : '',
    leader_cluster_address: '',
    performance_standby: false,
    performance_standby_last_remote_wal: 0,
  };
}

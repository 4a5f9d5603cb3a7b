/**
 * `sys/rekey`: new unseal keys for old ones. Whoever holds the operation's nonce carries it on; to begin, watch or cancel it takes `sudo`
 * on the path, or, for cancelling, the nonce. In Vault these are open to everybody, and a stranger could end each operation
 * (CVE-2025-4656).
 */
import { CofferError } from '../errors.ts';
import { type CoreCall, coreEndpoint } from './core-call.ts';
import type { Endpoint, Fields, Reply, ResponseSchema } from './endpoint.ts';
import { isNonce, maySteer, refusePgp, requireSteering } from './key-ceremony.ts';
import type { Rekey, RekeyStatus, RekeyUpdate } from './rekey.ts';

const initFields = {
  secret_shares: { type: 'int', help: 'Unseal keys to make, 1 to 255.' },
  secret_threshold: { type: 'int', help: 'Unseal keys needed.' },
  require_verification: { type: 'bool', help: 'The old keys stay good until the new ones have been shown.' },
  pgp_keys: { type: 'list', help: 'Not supported.' },
  backup: { type: 'bool', help: 'Not supported: it goes with PGP keys.' },
  stored_shares: { type: 'int', help: 'Accepted when 0 or absent.' },
  nonce: { type: 'string', sensitive: true, help: 'For cancelling without a token.' },
} as const satisfies Fields;

const keyFields = {
  key: { type: 'string', required: true, sensitive: true, help: 'An unseal key in hex or base64.' },
  nonce: { type: 'string', sensitive: true, help: 'Of the operation, or of its verification.' },
} as const satisfies Fields;

const schema = {
  nonce: { type: 'string', help: 'Empty for whoever may not steer the operation.' },
  started: { type: 'bool', optional: true },
  complete: { type: 'bool', optional: true },
  t: { type: 'int', optional: true },
  n: { type: 'int', optional: true },
  progress: { type: 'int', optional: true },
  required: { type: 'int', optional: true },
  keys: { type: 'list', sensitive: true, optional: true, help: 'The new unseal keys in hex, shown once.' },
  keys_base64: { type: 'list', sensitive: true, optional: true },
  pgp_fingerprints: { type: 'list', nullable: true, optional: true },
  backup: { type: 'bool', optional: true },
  verification_required: { type: 'bool', optional: true },
  verification_nonce: { type: 'string', optional: true },
} as const satisfies ResponseSchema;

const open = { login: true, plain: true } as const;
/** Whoever steers does it by a token's right. */
const steered = { ...open, takesUse: true, spendsFirst: true } as const;

/** `openToAll`: as in Vault, for suites of clients that know no other way. */
export function rekeyEndpoints(rekey: Rekey, openToAll: boolean): readonly Endpoint[] {
  return [
    operation(rekey, openToAll),
    update(rekey),
    verification(rekey, openToAll),
    backup('rekey/backup'),
    backup('rekey/recovery-key-backup'),
  ];
}

function operation(rekey: Rekey, openToAll: boolean): Endpoint {
  return coreEndpoint({
    pattern: 'rekey/init',
    help: 'Begins, shows or cancels the making of new unseal keys.',
    fields: initFields,
    operations: {
      read: {
        ...steered,
        summary: 'Show the rekey operation',
        response: schema,
        handle: async (call) => {
          const status = await rekey.status();
          return { data: shown(status, maySteer(call, 'read', openToAll)) };
        },
      },
      update: {
        ...steered,
        summary: 'Begin to make new unseal keys',
        response: schema,
        handle: async (call) => {
          requireSteering(call, 'update', openToAll);
          const { fields } = call;
          refusePgp(fields.pgp_keys);
          if (fields.backup === true || (fields.stored_shares ?? 0) !== 0) {
            throw new CofferError(
              'invalid_request',
              'a backup of unseal keys goes with PGP keys: not supported',
            );
          }
          const status = await rekey.start({
            shares: fields.secret_shares ?? 0,
            threshold: fields.secret_threshold ?? 0,
            verify: fields.require_verification ?? false,
          });
          return { data: shown(status, true), durable: true };
        },
      },
      delete: {
        ...steered,
        summary: 'Cancel the rekey operation',
        handle: async (call) => {
          const nonce = rekey.current?.nonce;
          const known = nonce !== undefined && isNonce(call.fields.nonce, nonce);
          if (!known) requireSteering(call, 'delete', openToAll);
          rekey.cancel();
          return undefined;
        },
      },
    },
  });
}

function update(rekey: Rekey): Endpoint {
  return coreEndpoint({
    pattern: 'rekey/update',
    help: 'Takes one of the present unseal keys; with enough, new ones are made.',
    fields: keyFields,
    operations: {
      update: {
        ...open,
        summary: 'Hand in a present unseal key',
        response: schema,
        handle: async ({ fields }): Promise<Reply> => {
          const step = await rekey.update(fields.key, fields.nonce);
          if (step.kind === 'collecting') return { data: shown(step.status, true) };
          return { data: made(step), undo: step.undo, durable: true };
        },
      },
    },
  });
}

function verification(rekey: Rekey, openToAll: boolean): Endpoint {
  return coreEndpoint({
    pattern: 'rekey/verify',
    help: 'Takes the new unseal keys: once enough of them have been shown they replace the old ones.',
    fields: { ...keyFields, key: { ...keyFields.key, required: false } },
    operations: {
      read: {
        ...steered,
        summary: 'Show how far the verification is',
        response: schema,
        handle: async (call) => ({
          data: shownVerification(await rekey.status(), maySteer(call, 'read', openToAll)),
        }),
      },
      update: {
        ...open,
        summary: 'Hand in a new unseal key',
        response: schema,
        handle: async ({ fields }) => {
          if (!fields.key) throw new CofferError('invalid_request', 'missing key');
          const { complete, nonce, status } = await rekey.verify(fields.key, fields.nonce);
          return { data: complete ? { nonce, complete } : shownVerification(status, true), durable: true };
        },
      },
      delete: {
        ...steered,
        summary: 'Begin the verification anew',
        response: schema,
        handle: async (call) => {
          requireKnown(rekey, call, openToAll);
          return { data: shownVerification(rekey.restartVerification(), true) };
        },
      },
    },
  });
}

function requireKnown<F extends Fields>(
  rekey: Rekey,
  call: CoreCall<F & typeof keyFields> | CoreCall<F>,
  openToAll: boolean,
): void {
  const given = call.data['nonce'];
  const nonce = rekey.current?.verification?.nonce;
  if (nonce !== undefined && typeof given === 'string' && isNonce(given, nonce)) return;
  requireSteering(call, 'delete', openToAll);
}

function backup(pattern: string): Endpoint {
  const none = async () => {
    throw new CofferError('invalid_request', 'no backed-up keys found');
  };
  return coreEndpoint({
    pattern,
    help: 'Backed-up unseal keys: there are none, since keys are not encrypted with PGP here.',
    fields: {},
    operations: {
      read: { summary: 'Show backed-up unseal keys', sudo: true, response: {}, handle: none },
      delete: { summary: 'Delete backed-up unseal keys', sudo: true, handle: none },
    },
  });
}

function shown(status: RekeyStatus, steering: boolean) {
  const { request, verification: waiting } = status;
  return {
    nonce: steering ? status.nonce : '',
    started: status.started,
    t: request.threshold,
    n: request.shares,
    progress: status.progress,
    required: status.required,
    pgp_fingerprints: null,
    backup: false,
    verification_required: request.verify,
    ...(waiting === undefined ? {} : { verification_nonce: steering ? waiting.nonce : '' }),
  };
}

function shownVerification({ request, verification: waiting }: RekeyStatus, steering: boolean) {
  return {
    nonce: steering ? (waiting?.nonce ?? '') : '',
    started: waiting !== undefined,
    t: waiting === undefined ? 0 : request.threshold,
    n: waiting === undefined ? 0 : request.shares,
    progress: waiting?.progress ?? 0,
  };
}

function made({ nonce, keys, verificationNonce }: Extract<RekeyUpdate, { kind: 'complete' }>) {
  return {
    nonce,
    complete: true,
    keys: keys.map((key) => key.toString('hex')),
    keys_base64: keys.map((key) => key.toString('base64')),
    pgp_fingerprints: null,
    backup: false,
    verification_required: verificationNonce !== undefined,
    ...(verificationNonce === undefined ? {} : { verification_nonce: verificationNonce }),
  };
}

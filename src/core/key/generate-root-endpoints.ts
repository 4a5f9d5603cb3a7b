/**
 * `sys/generate-root`. Whoever holds an attempt's nonce carries it on; to begin, watch or cancel one takes `sudo` on the path, or,
 * for cancelling, the nonce. In Vault these are open to everybody, and a stranger could end each attempt (CVE-2026-5807).
 */
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply, ResponseSchema } from '../endpoint.ts';
import { rootTokenLength } from '../token/root-token.ts';
import { isNonce, maySteer, refusePgp, requireSteering } from './ceremony.ts';
import type { GenerateRoot, RootProgress } from './generate-root.ts';

export const rootSchema = {
  nonce: { type: 'string', help: 'Empty for whoever may not steer the attempt.' },
  started: { type: 'bool' },
  progress: { type: 'int' },
  required: { type: 'int', help: 'Keys needed, of the slot that takes most.' },
  complete: { type: 'bool' },
  encoded_token: { type: 'string', sensitive: true, help: 'The token XOR the password, in base64.' },
  encoded_root_token: { type: 'string', sensitive: true },
  pgp_fingerprint: { type: 'string' },
  otp: { type: 'string', sensitive: true, help: 'Only where it was drawn by the server.' },
  otp_length: { type: 'int' },
} as const satisfies ResponseSchema;

const open = { login: true, plain: true } as const;
/** Whoever steers does it by a token's right. */
const steered = { ...open, takesUse: true, spendsFirst: true } as const;

/** `openToAll`: as in Vault, for suites of clients that know no other way. */
export function generateRootEndpoints(root: GenerateRoot, openToAll: boolean): readonly Endpoint[] {
  return [attempt(root, openToAll), update(root)];
}

function attempt(root: GenerateRoot, openToAll: boolean): Endpoint {
  return coreEndpoint({
    pattern: 'generate-root/attempt',
    help: 'Begins, shows or cancels the making of a root token, which the keys of a slot prove.',
    fields: {
      otp: { type: 'string', sensitive: true, help: `${rootTokenLength} characters; drawn where absent.` },
      pgp_key: { type: 'string', help: 'Not supported.' },
      nonce: { type: 'string', sensitive: true, help: 'For cancelling without a token.' },
    },
    operations: {
      read: {
        ...steered,
        summary: 'Show the attempt',
        response: rootSchema,
        handle: async (call) => {
          const status = await root.status();
          const nonce = maySteer(call, 'read', openToAll) ? status.nonce : '';
          return { data: shownRoot({ ...status, nonce }) };
        },
      },
      update: {
        ...steered,
        summary: 'Begin to make a root token',
        response: rootSchema,
        handle: async (call) => {
          requireSteering(call, 'update', openToAll);
          refusePgp(call.fields.pgp_key);
          const { status, otp } = await root.start(call.fields.otp || undefined);
          return { data: shownRoot(status, { otp }), durable: true };
        },
      },
      delete: {
        ...steered,
        summary: 'Cancel the attempt',
        handle: async (call) => {
          const { nonce } = root;
          const known = nonce !== undefined && isNonce(call.fields.nonce, nonce);
          if (!known) requireSteering(call, 'delete', openToAll);
          root.cancel();
          return undefined;
        },
      },
    },
  });
}

function update(root: GenerateRoot): Endpoint {
  return coreEndpoint({
    pattern: 'generate-root/update',
    help: 'Takes one key of any slot: an unseal key, a keyfile’s key, a passphrase. With enough, a root token is made.',
    fields: {
      key: { type: 'string', required: true, sensitive: true, help: 'The key as text.' },
      nonce: { type: 'string', sensitive: true, help: 'Of the attempt.' },
    },
    operations: {
      update: {
        ...open,
        summary: 'Hand in a key for a root token',
        response: rootSchema,
        handle: async (call): Promise<Reply> => {
          const step = await root.update(call.fields.key, call.fields.nonce, call);
          if (step.kind === 'collecting') return { data: shownRoot(step.status) };
          const { encodedToken, undo } = step;
          return { data: shownRoot(step.status, { encodedToken }), undo, durable: true };
        },
      },
    },
  });
}

/** As the wire has it. */
export function shownRoot(
  { nonce, started, progress, required }: RootProgress,
  { otp = '', encodedToken = '' }: { readonly otp?: string; readonly encodedToken?: string } = {},
) {
  return {
    nonce,
    started,
    progress,
    required,
    complete: encodedToken !== '',
    encoded_token: encodedToken,
    encoded_root_token: encodedToken,
    pgp_fingerprint: '',
    otp,
    otp_length: rootTokenLength,
  };
}

/**
 * `sys/generate-root-token`: the same attempt as that of `sys/generate-root`, as OpenBao's clients ask for it: with a token whose
 * rule says `sudo`, and an envelope around each answer. `sys/decode-token` undoes the password, for whoever has no tool at hand.
 */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply } from '../endpoint.ts';
import { rootTokenLength } from '../token/root-token.ts';
import { refusePgp } from './ceremony.ts';
import type { GenerateRoot } from './generate-root.ts';
import { rootSchema, shownRoot } from './generate-root-endpoints.ts';

const common = { sudo: true, spendsFirst: true } as const;

export function generateRootTokenEndpoints(root: GenerateRoot): readonly Endpoint[] {
  return [attempt(root), update(root), decode()];
}

function attempt(root: GenerateRoot): Endpoint {
  return coreEndpoint({
    pattern: 'generate-root-token/attempt',
    help: 'Begins, shows or cancels the making of a root token, which the keys of a slot prove.',
    fields: {
      otp: { type: 'string', sensitive: true, help: `${rootTokenLength} characters; drawn where absent.` },
      pgp_key: { type: 'string', help: 'Not supported.' },
    },
    operations: {
      read: {
        ...common,
        summary: 'Show the attempt',
        response: rootSchema,
        handle: async () => ({ data: shownRoot(await root.status()) }),
      },
      update: {
        ...common,
        summary: 'Begin to make a root token',
        response: rootSchema,
        handle: async ({ fields }) => {
          refusePgp(fields.pgp_key);
          const { status, otp } = await root.start(fields.otp || undefined);
          return { data: shownRoot(status, { otp }) };
        },
      },
      delete: {
        ...common,
        summary: 'Cancel the attempt',
        handle: async () => {
          root.cancel();
          return undefined;
        },
      },
    },
  });
}

function update(root: GenerateRoot): Endpoint {
  return coreEndpoint({
    pattern: 'generate-root-token/update',
    help: 'Takes one key of any slot: an unseal key, a keyfile’s key, a passphrase. With enough, a root token is made.',
    fields: {
      key: { type: 'string', required: true, sensitive: true, help: 'The key as text.' },
      nonce: { type: 'string', sensitive: true, help: 'Of the attempt.' },
    },
    operations: {
      update: {
        ...common,
        summary: 'Hand in a key for a root token',
        response: rootSchema,
        handle: async (call): Promise<Reply> => {
          const { fields } = call;
          const step = await root.update(fields.key, fields.nonce, call);
          if (step.kind === 'collecting') return { data: shownRoot(step.status) };
          const { encodedToken, undo } = step;
          return { data: shownRoot(step.status, { encodedToken }), undo };
        },
      },
    },
  });
}

/** No token and no password is longer. */
const longestDecoded = 256;

function decode(): Endpoint {
  return coreEndpoint({
    pattern: 'decode-token',
    help: 'Puts the token of an attempt and its one-time password together.',
    fields: {
      encoded_token: { type: 'string', required: true, sensitive: true, help: 'As the attempt answered it.' },
      otp: { type: 'string', required: true, sensitive: true, help: 'The one-time password.' },
    },
    operations: {
      update: {
        summary: 'Decode a root token',
        computes: true,
        response: { token: { type: 'string', sensitive: true } },
        handle: async ({ fields }) => ({ data: { token: decoded(fields.encoded_token, fields.otp) } }),
      },
    },
  });
}

function decoded(text: string, otp: string): string {
  const isBase64 = text.length <= 2 * longestDecoded && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  const encoded = Buffer.from(isBase64 ? text : '', 'base64');
  const password = Buffer.from(otp);
  if (encoded.length === 0 || encoded.length !== password.length) {
    throw new CofferError('invalid_request', 'encoded_token is base64 of as many bytes as otp has');
  }
  return Buffer.from(encoded.map((byte, at) => byte ^ (password[at] ?? 0))).toString('utf8');
}

/** `sys/seal-slots`: the ways to the root key. Coffer's own. */
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, ResponseSchema } from '../endpoint.ts';
import type { KeySlots, SlotInfo } from './key-slots.ts';

const addFields = {
  type: { type: 'string', help: '`keyfile`, `passphrase`, `shamir` or `awskms`.' },
  passphrase: { type: 'string', sensitive: true, help: 'Of a passphrase slot: 12 characters or more.' },
  secret_shares: { type: 'int', help: 'Of a shamir slot: unseal keys to make, 1 to 255.' },
  secret_threshold: { type: 'int', help: 'Of a shamir slot: unseal keys needed.' },
  kms_key: {
    type: 'string',
    help: 'Of an awskms slot: which of the KMS keys that the server’s settings name; needless where they name one.',
  },
} as const satisfies Fields;

const slotSchema = {
  id: { type: 'string' },
  type: { type: 'string' },
  automatic: { type: 'bool', help: 'Tried at start, without a person.' },
  secret_shares: { type: 'int', help: 'Keys made; 0 for a kind that nobody opens by hand.' },
  secret_threshold: { type: 'int' },
  verified: { type: 'bool', help: 'It has been seen to open, on this node and since it runs.' },
} as const satisfies ResponseSchema;

export function slotEndpoints(slots: KeySlots): readonly Endpoint[] {
  return [collection(slots), one(slots), verification(slots)];
}

function collection(slots: KeySlots): Endpoint {
  const list = {
    summary: 'List key slots',
    sudo: true,
    response: {
      keys: { type: 'list' },
      key_info: { type: 'object', members: { '*': { type: 'object', members: slotSchema } } },
    },
    handle: async () => {
      const found = await slots.list();
      return {
        data: {
          keys: found.map(({ id }) => id),
          key_info: Object.fromEntries(found.map((slot) => [slot.id, shown(slot)])),
        },
      };
    },
  } as const;
  return coreEndpoint({
    pattern: 'seal-slots',
    help: 'The ways to the root key. Each opens the store by itself, so one that is lost is not the end.',
    fields: addFields,
    operations: {
      list,
      read: list,
      update: {
        summary: 'Add a key slot',
        sudo: true,
        spendsFirst: true,
        response: {
          id: { type: 'string' },
          type: { type: 'string' },
          keyfile: {
            type: 'string',
            sensitive: true,
            optional: true,
            help: 'Text of the keyfile, shown once.',
          },
          keys: { type: 'list', sensitive: true, optional: true, help: 'Unseal keys in hex, shown once.' },
          keys_base64: { type: 'list', sensitive: true, optional: true },
        },
        handle: async ({ fields }) => {
          const made = await slots.make(fields.type ?? '', {
            passphrase: fields.passphrase,
            shares: fields.secret_shares,
            threshold: fields.secret_threshold,
            kmsKey: fields.kms_key,
          });
          await slots.add(made.slot);
          const keys = made.keys ?? [];
          return {
            data: {
              id: made.slot.id,
              type: made.slot.kind,
              ...(made.keyfile === undefined ? {} : { keyfile: made.keyfile }),
              ...(keys.length === 0
                ? {}
                : {
                    keys: keys.map((key) => key.toString('hex')),
                    keys_base64: keys.map((key) => key.toString('base64')),
                  }),
            },
            undo: () => slots.takeBack(made.slot.id),
          };
        },
      },
    },
  });
}

function one(slots: KeySlots): Endpoint {
  return coreEndpoint({
    pattern: 'seal-slots/:id',
    help: 'One key slot. It can be removed when another one is known to open: verify that one first.',
    fields: {},
    operations: {
      read: {
        summary: 'Show a key slot',
        sudo: true,
        response: slotSchema,
        handle: async (call) => ({ data: shown(await slots.find(call.params['id'] ?? '')) }),
      },
      delete: {
        summary: 'Remove a key slot',
        sudo: true,
        spendsFirst: true,
        handle: async (call) => {
          await slots.remove(call.params['id'] ?? '');
          return undefined;
        },
      },
    },
  });
}

function verification(slots: KeySlots): Endpoint {
  return coreEndpoint({
    pattern: 'seal-slots/:id/verify',
    help: 'A rehearsal: whether the keys given open the slot. Nothing changes.',
    fields: {
      keys: {
        type: 'list',
        sensitive: true,
        help: 'As many as the slot needs; none where this node has what opens it.',
      },
      key: { type: 'string', sensitive: true, help: 'The same for a single key, and for passphrases.' },
    },
    operations: {
      update: {
        summary: 'Rehearse opening a key slot',
        sudo: true,
        spendsFirst: true,
        response: { id: { type: 'string' }, opens: { type: 'bool' } },
        handle: async (call) => {
          const id = call.params['id'] ?? '';
          const { key, keys = [] } = call.fields;
          await slots.verify(id, key === undefined ? keys : [key, ...keys]);
          return { data: { id, opens: true } };
        },
      },
    },
  });
}

function shown(slot: SlotInfo) {
  return {
    id: slot.id,
    type: slot.kind,
    automatic: slot.automatic,
    secret_shares: slot.shares,
    secret_threshold: slot.threshold,
    verified: slot.verified,
  };
}

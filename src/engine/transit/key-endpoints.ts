/** Making, showing, listing and deleting keys. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { CofferError } from '../../errors.ts';
import { tryBase64 } from './base64.ts';
import type { Rooms } from './environment.ts';
import { keyFolder, keyPath, parseKeyName } from './key-record.ts';
import { parseKeyType } from './key-types.ts';
import { createKey } from './new-key.ts';
import { goneEntry, removeGone } from './removal.ts';
import { shownKey, shownKeySchema } from './shown-key.ts';

const keyFields = {
  type: { type: 'string', help: 'Kind of the key; aes256-gcm96 when absent.' },
  derived: { type: 'bool', help: 'Each use names a context, and has a key of its own for it.' },
  convergent_encryption: { type: 'bool', help: 'Equal plaintexts of one context give equal ciphertexts.' },
  exportable: { type: 'bool', help: 'The key may be exported; cannot be taken back.' },
  allow_plaintext_backup: { type: 'bool', help: 'The key may be backed up in clear; cannot be taken back.' },
  auto_rotate_period: { type: 'duration', help: 'Time between rotations; an hour at least, 0 for never.' },
  key_size: { type: 'int', help: 'Bytes of an hmac key, 32 to 512.' },
  context: {
    type: 'string',
    help: 'On reads: show the public keys derived for it, in base64.',
    sensitive: true,
  },
} as const;

export function keyEndpoints(rooms: Rooms): readonly Endpoint[] {
  return [listEndpoint(), keyEndpoint(rooms)];
}

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'keys',
    help: 'Lists keys.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List keys',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(keyFolder, page), call.fields),
      },
    },
  });
}

function keyEndpoint(rooms: Rooms): Endpoint {
  return endpoint({
    pattern: 'keys/:name',
    help: 'Makes, shows or deletes a key. Making one that is there already changes nothing.',
    fields: keyFields,
    operations: {
      read: {
        summary: 'Show a key',
        response: shownKeySchema,
        handle: async (call) => {
          const context = readContext(call.fields.context);
          const read = await rooms.keys.read(call.view, parseKeyName(call.params['name']));
          return read === undefined ? undefined : shownKey(rooms.keys, call.view, read.record, context);
        },
      },
      update: { summary: 'Make a key', response: shownKeySchema, handle: (call) => makeKey(rooms, call) },
      delete: {
        summary: 'Delete a key',
        handle: async (call) => {
          await deleteKey(rooms, call);
          return undefined;
        },
      },
    },
  });
}

async function makeKey(
  rooms: Rooms,
  call: Call & { readonly fields: FieldValues<typeof keyFields> },
): Promise<Reply> {
  const { fields, view } = call;
  const name = parseKeyName(call.params['name']);
  const { record, made } = await createKey(rooms, view, {
    name,
    type: parseKeyType(fields.type ?? 'aes256-gcm96'),
    derived: fields.derived ?? false,
    convergent: fields.convergent_encryption ?? false,
    exportable: fields.exportable ?? false,
    allowPlaintextBackup: fields.allow_plaintext_backup ?? false,
    autoRotatePeriod: fields.auto_rotate_period ?? 0,
    keySize: fields.key_size ?? 0,
  });
  return shownKey(rooms.keys, view, record, undefined, made ? [] : [`key ${name} already existed`]);
}

function readContext(text: string | undefined): Buffer | undefined {
  if (text === undefined || text === '') return undefined;
  const context = tryBase64(text);
  if (context !== undefined) return context;
  throw new CofferError('invalid_request', 'failed to base64-decode context');
}

/** The key ends in one commit; its versions follow, and an entry sees to them after a crash. */
async function deleteKey({ keys }: Rooms, call: Call): Promise<void> {
  const name = parseKeyName(call.params['name']);
  const record = await retryOnConflict(async () => {
    const read = await keys.read(call.view, name);
    if (read === undefined) return undefined;
    if (!read.record.deletionAllowed) {
      throw new CofferError(
        'invalid_request',
        `error deleting policy ${name}: deletion is not allowed for this key`,
      );
    }
    const path = keyPath(name);
    await call.view.commit(
      [{ path, value: null }],
      [{ path, revision: read.revision }],
      [goneEntry(name, read.record.id, call.clock.now())],
    );
    return read.record;
  });
  if (record === undefined) return;
  keys.forget(record, record.latestVersion + 1);
  await removeGone(call.view, name, record.id);
}

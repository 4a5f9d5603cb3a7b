/** HMACs under a key of any kind: each version has a key for them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { decodeBase64, tryBase64 } from './base64.ts';
import { batchFields, batchSchema, type Item, readItems, replyTo } from './batch.ts';
import { noKey, type Rooms } from './environment.ts';
import { parseHash } from './hashes.ts';
import { type KeyRecord, parseKeyName } from './key-record.ts';
import { hashNameOf } from './signing-options.ts';
import { hmacWording, parseVersioned, versionedText } from './versioned-text.ts';

const fields = {
  input: { type: 'string', help: 'In base64.', sensitive: true },
  algorithm: { type: 'string', help: 'sha2-256 (the usual), sha2-* or sha3-*.' },
  key_version: { type: 'int', help: 'Version of the key to use; the latest when absent or 0.' },
  ...batchFields,
} as const;

export function hmacEndpoints(rooms: Rooms): readonly Endpoint[] {
  return ['', '/:urlalgorithm'].map((rest) =>
    endpoint({
      pattern: `hmac/:name${rest}`,
      help: 'Makes an HMAC with a key; `verify` checks it.',
      fields,
      operations: {
        update: {
          summary: 'Make an HMAC',
          computes: true,
          response: batchSchema({ hmac: { type: 'string', sensitive: true } }),
          handle: (call) => makeHmacs(rooms, call),
        },
      },
    }),
  );
}

async function makeHmacs(
  { keys }: Rooms,
  call: Call & { readonly fields: FieldValues<typeof fields> },
): Promise<Reply> {
  const { record } = await keys.need(call.view, parseKeyName(call.params['name']), noKey);
  const version = hmacVersion(record, call.fields.key_version);
  const hash = parseHash(hashNameOf(call));
  const { items, batch } = readItems(call, ['input']);
  const each = async (item: Item): Promise<JsonObject> => {
    const input = readInput(item, 'missing input for HMAC');
    const { hmacKey } = (await keys.open(call.view, record, version)).version;
    const mac = createHmac(hash.name, hmacKey).update(input).digest('base64');
    return { hmac: versionedText(version, mac) };
  };
  return replyTo(call, { items, batch, slow: false, each });
}

function hmacVersion(record: KeyRecord, wanted: number | undefined): number {
  const { latestVersion, minEncryptionVersion } = record;
  if (wanted === undefined || wanted === 0) return latestVersion;
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (wanted < 0) throw refuse('key version does not exist (cannot be negative)');
  if (wanted > latestVersion) {
    throw refuse(`key version does not exist; latest key version is ${latestVersion}`);
  }
  if (wanted < minEncryptionVersion) {
    throw refuse('cannot generate HMAC: version is too old (disallowed by policy)');
  }
  return wanted;
}

/** The other half of `verify`: HMACs, compared in constant time. */
export async function hmacVerification(
  { keys }: Rooms,
  call: Call & { readonly fields: { readonly algorithm?: string | undefined } },
  items: readonly Item[],
  batch: boolean,
): Promise<Reply> {
  const { record } = await keys.need(call.view, parseKeyName(call.params['name']), noKey);
  const hash = parseHash(hashNameOf(call));
  const each = async (item: Item): Promise<JsonObject> => {
    const input = batch ? readInput(item, 'missing input') : readInput(item, undefined);
    const { version, rest } = parseVersioned(item.texts['hmac'] ?? '', record, hmacWording);
    const sent = tryBase64(rest);
    if (sent === undefined) {
      throw new CofferError('invalid_request', 'unable to decode verification HMAC as base64');
    }
    const { hmacKey } = (await keys.open(call.view, record, version)).version;
    const mac = createHmac(hash.name, hmacKey).update(input).digest();
    return { valid: sent.length === mac.length && timingSafeEqual(sent, mac) };
  };
  return replyTo(call, { items, batch, slow: false, each });
}

/** An item's input. Throws `invalid_request`, also where it is absent and there are words for that. */
export function readInput({ texts }: Item, missing: string | undefined): Buffer {
  const text = texts['input'];
  if (text === undefined && missing !== undefined) throw new CofferError('invalid_request', missing);
  try {
    return decodeBase64(text ?? '');
  } catch (error) {
    const why = error instanceof CofferError ? error.message : '';
    throw new CofferError('invalid_request', `unable to decode input as base64: ${why}`);
  }
}

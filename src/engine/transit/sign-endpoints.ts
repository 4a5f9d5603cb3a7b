/** Signing and verifying; verifying takes HMACs as well. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { tryBase64, tryBase64Url } from './base64.ts';
import { batchFields, batchSchema, type Item, readItems, replyTo } from './batch.ts';
import type { Rooms } from './environment.ts';
import { hmacVerification, readInput } from './hmac-endpoints.ts';
import { type KeyRecord, parseKeyName, versionToUse } from './key-record.ts';
import { keyType, signs } from './key-types.ts';
import { sign, verify } from './signature.ts';
import { type Marshaling, type ReadSigning, readSigning, signingFields } from './signing-options.ts';
import { parseVersioned, signatureWording, versionedText } from './versioned-text.ts';

const inputFields = {
  input: { type: 'string', help: 'What is signed, in base64.', sensitive: true },
  context: { type: 'string', help: 'What the key is derived for, in base64.', sensitive: true },
  ...signingFields,
  ...batchFields,
} as const;

const signFields = {
  ...inputFields,
  key_version: { type: 'int', help: 'Version of the key to sign with; the latest when absent or 0.' },
} as const;

const verifyFields = {
  ...inputFields,
  signature: { type: 'string', help: 'What signing answered.', sensitive: true },
  hmac: { type: 'string', help: 'What `hmac` answered, in place of a signature.', sensitive: true },
} as const;

type SignCall = Call & { readonly fields: FieldValues<typeof signFields> };
type VerifyCall = Call & { readonly fields: FieldValues<typeof verifyFields> };

export function signEndpoints(rooms: Rooms): readonly Endpoint[] {
  return ['', '/:urlalgorithm'].flatMap((rest) => [
    endpoint({
      pattern: `sign/:name${rest}`,
      help: 'Signs with a key.',
      fields: signFields,
      operations: {
        update: {
          summary: 'Sign',
          response: batchSchema({
            signature: { type: 'string', sensitive: true },
            key_version: { type: 'int' },
            public_key: { type: 'string', optional: true, help: 'Of derived keys, in base64.' },
          }),
          handle: (call) => signItems(rooms, call),
        },
      },
    }),
    endpoint({
      pattern: `verify/:name${rest}`,
      help: 'Says whether a signature or an HMAC is a key’s over this input.',
      fields: verifyFields,
      operations: {
        update: {
          summary: 'Verify',
          computes: true,
          response: batchSchema({ valid: { type: 'bool' } }),
          handle: (call) => verifyItems(rooms, call),
        },
      },
    }),
  ]);
}

async function signItems({ keys }: Rooms, call: SignCall): Promise<Reply> {
  const signing = readSigning(call);
  const { record } = await keys.need(call.view, parseKeyName(call.params['name']), 'signing key not found');
  const type = keyType(record.type);
  if (!signs(type)) {
    throw new CofferError('invalid_request', `key type ${type.name} does not support signing`);
  }
  const version = versionToUse(record, call.fields.key_version, 'signing');
  const { items, batch } = readItems(call, ['input', 'context']);
  const each = async (item: Item): Promise<JsonObject> => {
    const input = batch ? readInput(item, 'missing input') : readInput(item, undefined);
    const key = await keys.open(call.view, record, version);
    const { signature, publicKey } = sign(key, input, readContext(item), signing.options);
    const text = versionedText(version, encodeSignature(signature, signing.marshaling));
    const shown = publicKey === undefined ? {} : { public_key: publicKey.toString('base64') };
    return { signature: text, key_version: version, ...shown };
  };
  return replyTo(call, { items, batch, slow: true, each });
}

async function verifyItems(rooms: Rooms, call: VerifyCall): Promise<Reply> {
  const { items, batch } = readItems(call, ['input', 'context', 'signature', 'hmac']);
  if (whatToVerify(items, batch) === 'hmac') return hmacVerification(rooms, call, items, batch);
  const signing = readSigning(call);
  const name = parseKeyName(call.params['name']);
  const { record } = await rooms.keys.need(call.view, name, 'signature verification key not found');
  const type = keyType(record.type);
  if (!signs(type)) {
    throw new CofferError('invalid_request', `key type ${type.name} does not support verification`);
  }
  const each = async (item: Item): Promise<JsonObject> => {
    const input = batch ? readInput(item, 'missing input') : readInput(item, undefined);
    return { valid: await isValid(rooms, call, record, item, input, signing) };
  };
  return replyTo(call, { items, batch, slow: true, each });
}

async function isValid(
  { keys }: Rooms,
  call: Call,
  record: KeyRecord,
  item: Item,
  input: Buffer,
  { options, marshaling }: ReadSigning,
): Promise<boolean> {
  const { version, rest } = parseVersioned(item.texts['signature'] ?? '', record, signatureWording);
  const signature = decodeSignature(rest, marshaling);
  if (signature === undefined) throw new CofferError('invalid_request', 'invalid base64 signature value');
  const key = await keys.open(call.view, record, version);
  return verify(key, input, readContext(item), signature, options);
}

/** All items have one of the two, and the same one. */
function whatToVerify(items: readonly Item[], batch: boolean): 'signature' | 'hmac' {
  const signatures = items.filter(({ texts }) => texts['signature'] !== undefined).length;
  const hmacs = items.filter(({ texts }) => texts['hmac'] !== undefined).length;
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (!batch) {
    if (signatures > 0 && hmacs > 0) throw refuse("provide one of 'signature' or 'hmac'");
    if (signatures + hmacs === 0) throw refuse("neither a 'signature' nor an 'hmac' were given to verify");
  } else if (signatures > 0 && hmacs > 0) {
    throw refuse("elements of batch_input must all provide 'signature' or all provide 'hmac'");
  } else if (signatures + hmacs === 0) {
    throw refuse("no batch_input elements have 'signature' or 'hmac'");
  }
  const kind = signatures > 0 ? 'signature' : 'hmac';
  if (signatures + hmacs < items.length) throw refuse(`some elements of batch_input are missing '${kind}'`);
  return kind;
}

function readContext({ texts }: Item): Buffer {
  const context = tryBase64(texts['context'] ?? '');
  if (context !== undefined) return context;
  throw new CofferError('invalid_request', 'failed to base64-decode context');
}

function encodeSignature(signature: Buffer, marshaling: Marshaling): string {
  return signature.toString(marshaling === 'jws' ? 'base64url' : 'base64');
}

function decodeSignature(text: string, marshaling: Marshaling): Buffer | undefined {
  return marshaling === 'jws' ? tryBase64Url(text) : tryBase64(text);
}

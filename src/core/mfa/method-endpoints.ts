/** `identity/mfa/method`: kinds of second factors, and the secrets that entities make their codes with. */
import { drawBarcode } from '../../crypto/barcode.ts';
import { formatOtpauth } from '../../crypto/otpauth.ts';
import { randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, Reply, ResponseSchema } from '../endpoint.ts';
import { retryOnConflict } from '../retry.ts';
import type { CoreRooms } from '../rooms.ts';
import { changedMethod, type MfaMethod, newMethod } from './method.ts';
import { encodeSecret, type MfaSecret, readSecrets, secretKey, unused } from './secret.ts';

const methodFields = {
  method_name: { type: 'string', help: 'A name that is as good as the id; none when absent.' },
  issuer: { type: 'string', help: 'Who asks for the codes, as apps show it.' },
  period: { type: 'duration', help: 'Seconds that a code lives; 30 when absent.' },
  key_size: { type: 'int', help: 'Bytes of secrets, 16 to 64; 20 when absent.' },
  qr_size: { type: 'int', help: 'Pixels of a side of barcodes, up to 2000; 200 when absent, 0 for none.' },
  algorithm: { type: 'string', help: 'SHA1 (the usual), SHA256 or SHA512.' },
  digits: { type: 'int', help: '6 (the usual) or 8.' },
  skew: { type: 'int', help: 'Periods by which clocks may differ: 1 (the usual) or 0.' },
  max_validation_attempts: {
    type: 'int',
    help: 'Wrong codes in a row before a wait, 1 to 10; 5 when absent.',
  },
} as const satisfies Fields;

const methodSchema = {
  id: { type: 'string' },
  name: { type: 'string' },
  type: { type: 'string' },
  namespace_id: { type: 'string' },
  issuer: { type: 'string' },
  period: { type: 'duration' },
  key_size: { type: 'int' },
  qr_size: { type: 'int' },
  algorithm: { type: 'string' },
  digits: { type: 'int' },
  skew: { type: 'int' },
  max_validation_attempts: { type: 'int' },
} as const satisfies ResponseSchema;

export function methodEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    listEndpoint(rooms),
    readEndpoint(rooms),
    makeEndpoint(rooms),
    methodEndpoint(rooms),
    ...unsupportedTypes.flatMap((type) => [refusal(type, ''), refusal(type, '/:method_id')]),
  ];
}

function listEndpoint(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'mfa/method',
    help: 'Lists methods of a second factor.',
    fields: {},
    operations: { list: listOperation(rooms) },
  });
}

function listOperation({ mfa }: CoreRooms) {
  return {
    summary: 'List MFA methods',
    response: {
      keys: { type: 'list' },
      key_info: { type: 'object', members: { '*': { type: 'object', members: methodSchema } } },
    },
    handle: async (): Promise<Reply> => {
      const all = [...mfa.config.methods.values()];
      const keys = all.map(({ id }) => id);
      return {
        data: { keys, key_info: Object.fromEntries(all.map((method) => [method.id, shown(method)])) },
      };
    },
  } as const;
}

function readEndpoint({ mfa }: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'mfa/method/:method_id',
    help: 'Shows a method of a second factor, whatever its type.',
    fields: {},
    operations: {
      read: {
        summary: 'Show an MFA method',
        response: methodSchema,
        handle: async (call) => {
          const method = mfa.config.method(call.params['method_id'] ?? '');
          return method === undefined ? undefined : { data: shown(method) };
        },
      },
    },
  });
}

function makeEndpoint(rooms: CoreRooms): Endpoint {
  const { mfa, random } = rooms;
  return coreEndpoint({
    pattern: 'mfa/method/totp',
    help: 'Makes a method of one-time codes, or lists methods.',
    fields: methodFields,
    operations: {
      list: listOperation(rooms),
      update: {
        summary: 'Make a TOTP method',
        spendsFirst: true,
        response: { method_id: { type: 'string' } },
        handle: async (call) => {
          const id = randomUuid(random);
          await mfa.config.writeMethod(id, () => changedMethod(newMethod(id), call.fields));
          return { data: { method_id: id } };
        },
      },
    },
  });
}

function methodEndpoint({ mfa }: CoreRooms): Endpoint {
  const known = (call: CoreCall) => mfa.config.method(call.params['method_id'] ?? '');
  return coreEndpoint({
    pattern: 'mfa/method/totp/:method_id',
    help: 'Shows, changes or deletes a method of one-time codes. Secrets that are out keep the settings they were made with.',
    fields: methodFields,
    operations: {
      read: {
        summary: 'Show a TOTP method',
        response: methodSchema,
        handle: async (call) => {
          const method = known(call);
          return method === undefined ? undefined : { data: shown(method) };
        },
      },
      update: {
        summary: 'Change a TOTP method',
        spendsFirst: true,
        handle: async (call) => {
          const method = known(call);
          if (method === undefined) throw noMethod();
          await mfa.config.writeMethod(method.id, (before) => {
            if (before === undefined) throw noMethod();
            return changedMethod(before, call.fields);
          });
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a TOTP method',
        spendsFirst: true,
        handle: async (call) => {
          const method = known(call);
          if (method !== undefined) await mfa.config.deleteMethod(method.id);
          return undefined;
        },
      },
    },
  });
}

function shown(method: MfaMethod) {
  return {
    id: method.id,
    name: method.name,
    type: 'totp',
    namespace_id: 'root',
    issuer: method.issuer,
    period: method.period,
    key_size: method.keySize,
    qr_size: method.qrSize,
    algorithm: method.algorithm,
    digits: method.digits,
    skew: method.skew,
    max_validation_attempts: method.maxAttempts,
  };
}

const unsupportedTypes = ['duo', 'okta', 'pingid'] as const;

function refusal(type: string, below: string): Endpoint {
  return coreEndpoint({
    pattern: `mfa/method/${type}${below}`,
    help: `Second factors of ${type} are not supported.`,
    fields: {},
    operations: {
      update: {
        summary: `Refused: ${type} is not supported`,
        handle: async () => {
          throw new CofferError('invalid_request', `MFA methods of type ${type} are not supported: use totp`);
        },
      },
    },
  });
}

const idField = {
  method_id: { type: 'string', help: 'The method, by id or name.', required: true },
} as const;
const entityField = { entity_id: { type: 'string', help: 'The entity.', required: true } } as const;
const urlSchema = {
  url: { type: 'string', sensitive: true, optional: true, help: 'For the app that makes the codes.' },
  barcode: { type: 'string', sensitive: true, optional: true, help: 'The same as a PNG, in base64.' },
} as const satisfies ResponseSchema;

export function mfaSecretEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'mfa/method/totp/generate',
      help: 'Makes the secret of the caller’s own one-time codes.',
      fields: idField,
      operations: {
        update: {
          summary: 'Make one’s own TOTP secret',
          spendsFirst: true,
          response: urlSchema,
          handle: async (call) => {
            const entity = call.caller?.entityId ?? '';
            if (entity === '')
              throw new CofferError('invalid_request', 'the token has no entity to make codes for');
            return generate(rooms, call.fields.method_id, entity);
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'mfa/method/totp/admin-generate',
      help: 'Makes the secret of an entity’s one-time codes.',
      fields: { ...idField, ...entityField },
      operations: {
        update: {
          summary: 'Make an entity’s TOTP secret',
          spendsFirst: true,
          response: urlSchema,
          handle: (call) => generate(rooms, call.fields.method_id, call.fields.entity_id),
        },
      },
    }),
    coreEndpoint({
      pattern: 'mfa/method/totp/admin-destroy',
      help: 'Deletes the secret of an entity’s one-time codes: its codes are good for nothing from then on.',
      fields: { ...idField, ...entityField },
      operations: {
        update: {
          summary: 'Delete an entity’s TOTP secret',
          spendsFirst: true,
          handle: async ({ fields: { method_id: id, entity_id: entity } }) => {
            const method = rooms.mfa.config.method(id);
            if (method === undefined) throw noMethod();
            const found = await rooms.identities.entity(entity);
            if (found === undefined) throw noEntity();
            await rooms.store.commit([{ key: secretKey(entity, method.id), value: null }]);
            return undefined;
          },
        },
      },
    }),
  ];
}

/** The URL is shown once. A secret that is there stays: whoever wants another one has an administrator delete it. */
async function generate(
  { mfa, identities, store, random }: CoreRooms,
  id: string,
  entity: string,
): Promise<Reply> {
  const method = mfa.config.method(id);
  if (method === undefined) throw noMethod();
  return retryOnConflict(async () => {
    const found = await identities.entity(entity);
    if (found === undefined) throw noEntity();
    const [there] = await readSecrets(store, entity, [method.id]);
    if (there !== undefined) {
      return {
        warnings: [`Entity already has a secret for MFA method ${JSON.stringify(method.name || method.id)}`],
      };
    }
    const { algorithm, digits, period, skew, issuer } = method;
    const secret: MfaSecret = {
      key: random.bytes(method.keySize),
      algorithm,
      digits,
      period,
      skew,
      ...unused,
    };
    const key = secretKey(entity, method.id);
    await store.commit([{ key, value: encodeSecret(secret) }], [{ key, revision: null }]);
    const url = formatOtpauth(secret.key, issuer, found.record.name, method);
    return { data: { url, barcode: method.qrSize === 0 ? '' : await barcodeOf(url, method.qrSize) } };
  });
}

/** Empty where it cannot be drawn in that size: the secret is made by then, and the url says the same. */
async function barcodeOf(url: string, size: number): Promise<string> {
  try {
    return (await drawBarcode(url, size)) ?? '';
  } catch (error) {
    if (asCofferError(error).code === 'invalid_request') return '';
    throw error;
  }
}

function noMethod(): CofferError {
  return new CofferError('invalid_request', 'there is no MFA method of type totp with that method_id');
}

function noEntity(): CofferError {
  return new CofferError('invalid_request', 'there is no entity with that entity_id');
}

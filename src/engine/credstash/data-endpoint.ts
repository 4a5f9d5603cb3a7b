/** `data` and `subkeys`: values of versions, as kv's versioned engine has them. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { fieldNames } from '../../core/field-names.ts';
import { applyMergePatch } from '../../core/merge-patch.ts';
import { decodeSecret, encodeSecret } from '../../credstash/secret-map.ts';
import type { SecretTable } from '../../credstash/secret-table.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { secretName } from './secret-name.ts';
import { requireRestorable, shownVersion, versionSchema } from './shown.ts';
import type { Tables } from './tables.ts';

const fields = {
  data: { type: 'object', help: 'The fields of the secret.', sensitive: true },
  options: {
    type: 'object',
    help: 'cas: the version that must be the latest one; 0 for none yet.',
    // Whatever else somebody puts here by mistake must not stand in the log.
    sensitive: true,
  },
  version: { type: 'int', help: 'Version to read; 0 is the latest one.', query: true },
  context: { type: 'pairs', help: 'Pairs of the encryption context that the config lets requests bring.' },
} as const;

type DataCall = Call & { readonly fields: FieldValues<typeof fields> };

/** Other writers between reading and writing of a patch; each try reads again. */
const mostTries = 8;

/** Nothing here asks whether a secret is there before the request is decided: that would be a call to AWS for whoever has a token. */
export function dataEndpoint(tables: Tables): Endpoint {
  return endpoint({
    pattern: 'data/:path*',
    help: 'Reads and writes versions of a secret of the table.',
    fields,
    operations: {
      read: {
        summary: 'Read a version',
        spendsFirst: true,
        response: {
          data: { type: 'object', sensitive: true, nullable: true },
          metadata: { type: 'object', members: versionSchema },
        },
        handle: (call) => readVersion(tables, call, 'data', (data) => data),
      },
      update: {
        summary: 'Write a new version',
        spendsFirst: true,
        response: versionSchema,
        handle: (call) => {
          const [name, data, check] = [secretName(call), sentData(call), checkOf(call)];
          return tables.use(call, call.fields.context, async (table) => ({
            data: await write(table, name, data, check),
          }));
        },
      },
      patch: {
        summary: 'Write a new version: the latest one with a JSON merge patch applied',
        spendsFirst: true,
        response: versionSchema,
        handle: (call) => patch(tables, call),
      },
      delete: {
        summary: 'Soft-delete the latest version',
        spendsFirst: true,
        handle: (call) =>
          tables.use(call, undefined, async (table) => {
            const head = await table.latestHead(secretName(call));
            if (head === undefined || head.state.kind !== 'live') return undefined;
            requireRestorable(head.name, [head]);
            await table.delete(head.name, [head]);
            return undefined;
          }),
      },
    },
  });
}

/** The names take what the values take, a call to KMS as well: in a table they are in the ciphertext. */
export function subkeysEndpoint(tables: Tables): Endpoint {
  return endpoint({
    pattern: 'subkeys/:path*',
    help: 'Shows the names in a secret of the table without the values.',
    fields: {
      version: fields.version,
      context: fields.context,
      depth: { type: 'int', help: 'How deep to go; 0 is all the way.', query: true },
    },
    operations: {
      read: {
        summary: 'Read the names in a version',
        spendsFirst: true,
        response: {
          // Names of fields are the caller's own words.
          subkeys: { type: 'object', sensitive: true, nullable: true },
          metadata: { type: 'object', members: versionSchema },
        },
        handle: (call) => {
          const { depth = 0 } = call.fields;
          if (depth < 0) throw new CofferError('invalid_request', 'depth is a number from 0');
          return readVersion(tables, call, 'subkeys', (data) => fieldNames(data, depth));
        },
      },
    },
  });
}

type ReadCall = Call & { readonly fields: FieldValues<Pick<typeof fields, 'version' | 'context'>> };

/** A version below `shownAs` of the answer, as `show` makes it of its fields, with its metadata. */
function readVersion(
  tables: Tables,
  call: ReadCall,
  shownAs: 'data' | 'subkeys',
  show: (data: JsonObject) => JsonObject,
): Promise<Reply | undefined> {
  const { version = 0, context } = call.fields;
  const name = secretName(call);
  return tables.use(call, context, async (table, { ttl }) => {
    const item = version > 0 ? await table.version(name, version) : await table.latest(name);
    if (item === undefined) return undefined;
    const head = table.headOf(item);
    const metadata = shownVersion(head);
    if (head.state.kind !== 'live') return { status: 404, data: { [shownAs]: null, metadata } };
    const data = show(decodeSecret(await table.open(item)));
    return { data: { [shownAs]: data, metadata }, ...(ttl > 0 ? { leaseDuration: ttl } : {}) };
  });
}

async function write(
  table: SecretTable,
  name: string,
  data: JsonObject,
  check: number | undefined,
): Promise<JsonObject> {
  const { format } = await table.settings();
  const { version, created } = await table.write({ name, ...encodeSecret(data, format) }, check);
  const live = { kind: 'live' } as const;
  const written = { name, version, created: format === 'coffer' ? created : undefined, state: live };
  return shownVersion({
    ...written,
    versionText: '',
    comment: undefined,
    family: format,
    epoch: undefined,
    overdue: false,
  });
}

function patch(tables: Tables, call: DataCall): Promise<Reply | undefined> {
  const [name, sent, check] = [secretName(call), sentData(call), checkOf(call)];
  return tables.use(call, call.fields.context, async (table) => {
    for (let left = mostTries; ; left--) {
      const item = await table.latest(name);
      if (item === undefined) throw new CofferError('not_found', 'there is no such secret to patch');
      const head = table.headOf(item);
      if (head.state.kind !== 'live') return { status: 404, data: shownVersion(head) };
      const merged = applyMergePatch(decodeSecret(await table.open(item)), sent);
      const data = requireFields(isJsonObject(merged) ? merged : {});
      try {
        return { data: await write(table, name, data, check ?? head.version ?? 0) };
      } catch (error) {
        const lost = error instanceof CofferError && error.code === 'conflict';
        if (!lost || check !== undefined || left === 0) throw error;
      }
    }
  });
}

function sentData({ fields }: DataCall): JsonObject {
  if (fields.data === undefined) throw new CofferError('invalid_request', 'no data provided');
  return requireFields(fields.data);
}

/** An item without fields would be read as the text `{}` by every program but this. */
function requireFields(data: JsonObject): JsonObject {
  if (Object.keys(data).length > 0) return data;
  throw new CofferError('invalid_request', 'a secret of a table has at least one field');
}

function checkOf({ fields }: DataCall): number | undefined {
  const cas = fields.options?.['cas'];
  if (cas === undefined || cas === null) return undefined;
  const number = typeof cas === 'string' && /^\d{1,15}$/.test(cas) ? Number(cas) : cas;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new CofferError('invalid_request', 'options.cas is the number of a version, or 0');
}

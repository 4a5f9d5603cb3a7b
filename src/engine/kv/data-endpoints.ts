/** `data` and `subkeys` of kv v2: values of versions. */
import {
  type Call,
  type Endpoint,
  endpoint,
  type Handler,
  type Reply,
  type ResponseSchema,
} from '../../core/endpoint.ts';
import { fieldNames } from '../../core/field-names.ts';
import { RawJson } from '../../core/request.ts';
import { parseStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { isDeleted } from './metadata.ts';
import { secretPath } from './secret-path.ts';
import type { Secrets } from './secrets.ts';
import { addVersion, type Place, patchVersion, setDeleted } from './versions.ts';

const versionMembers = {
  created_time: { type: 'string', help: 'RFC 3339.' },
  custom_metadata: { type: 'pairs', nullable: true },
  deletion_time: { type: 'string', help: 'RFC 3339; empty while it is not deleted.' },
  destroyed: { type: 'bool' },
  version: { type: 'int' },
} as const satisfies ResponseSchema;

const dataFields = {
  data: { type: 'object', help: 'The fields of the secret.', sensitive: true },
  options: {
    type: 'object',
    help: 'cas: the version that must be the current one; 0 for none yet.',
    // Whatever else somebody puts here by mistake must not stand in the log.
    sensitive: true,
  },
  version: { type: 'int', help: 'Version to read; 0 is the current one.', query: true },
} as const;

/** Whether the secret is there. What was read for it is what a write begins with. */
export async function begins(secrets: Secrets, call: Call): Promise<boolean> {
  const beginning = await secrets.readWithSettings(call.view, secretPath(call));
  if (call.asked !== undefined) call.asked.found = beginning;
  return beginning.before !== undefined;
}

export function dataEndpoint(secrets: Secrets, place: (call: Call) => Place): Endpoint {
  return endpoint({
    pattern: 'data/:path*',
    help: 'Reads and writes versions of a secret.',
    fields: dataFields,
    exists: (call) => begins(secrets, call),
    operations: {
      read: {
        summary: 'Read a version',
        response: {
          data: { type: 'object', sensitive: true, nullable: true },
          metadata: { type: 'object', members: versionMembers },
        },
        handle: (call) => readVersion(secrets, call, call.fields.version ?? 0, 'data', asStored),
      },
      update: {
        summary: 'Write a new version',
        response: versionMembers,
        handle: async (call) => ({
          data: await addVersion(place(call), sentData(call), casOf(call.fields.options?.['cas'])),
        }),
      },
      patch: {
        summary: 'Write a new version: the current one with a JSON merge patch applied',
        response: versionMembers,
        handle: (call) => patch(place(call), sentData(call), casOf(call.fields.options?.['cas'])),
      },
      delete: {
        summary: 'Soft-delete the current version',
        handle: async (call) => void (await setDeleted(place(call), 'current', true)),
      },
    },
  });
}

function sentData(call: Parameters<Handler<typeof dataFields>>[0]): JsonObject {
  if (call.fields.data === undefined) throw new CofferError('invalid_request', 'no data provided');
  return call.fields.data;
}

async function patch(place: Place, data: JsonObject, cas: number | undefined): Promise<Reply | undefined> {
  const patched = await patchVersion(place, data, cas);
  if (patched === undefined) throw new CofferError('not_found', 'there is no such secret to patch');
  return patched.kind === 'deleted' ? { status: 404, data: patched.shown } : { data: patched.shown };
}

export function subkeysEndpoint(secrets: Secrets): Endpoint {
  return endpoint({
    pattern: 'subkeys/:path*',
    help: 'Shows the names in a secret without the values.',
    fields: {
      version: { type: 'int', help: 'Version to read; 0 is the current one.', query: true },
      depth: { type: 'int', help: 'How deep to go; 0 is all the way.', query: true },
    },
    operations: {
      read: {
        summary: 'Read the names in a version',
        response: {
          // Names of fields are the caller's own words.
          subkeys: { type: 'object', sensitive: true, nullable: true },
          metadata: { type: 'object', members: versionMembers },
        },
        handle: (call) => {
          const { version = 0, depth = 0 } = call.fields;
          if (depth < 0) throw new CofferError('invalid_request', 'depth is a number from 0');
          const shown = (text: string) => fieldNames(parseStored<JsonObject>(Buffer.from(text)), depth);
          return readVersion(secrets, call, version, 'subkeys', shown);
        },
      },
    },
  });
}

function asStored(text: string): RawJson {
  return new RawJson(text);
}

/** A version below `name` of the answer, as `show` makes it of the stored text, with its metadata. */
async function readVersion(
  secrets: Secrets,
  call: Call,
  wanted: number,
  name: 'data' | 'subkeys',
  show: (text: string) => RawJson | JsonObject,
): Promise<Reply | undefined> {
  const read = await secrets.readVersion(call.view, secretPath(call), Math.max(0, wanted));
  if (read?.version === undefined || read.metadata === undefined) return undefined;
  const { version, metadata } = read;
  if (version.destroyed || isDeleted(version, call.clock.now())) {
    return { status: 404, data: { [name]: null, metadata } };
  }
  if (read.text === undefined) throw new CofferError('integrity', 'the value of this version is missing');
  return { data: { [name]: show(read.text), metadata } };
}

function casOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const cas = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof cas !== 'number' || !Number.isSafeInteger(cas) || cas < 0) {
    throw new CofferError('invalid_request', 'options.cas is a version number, or 0');
  }
  return cas;
}

/** `kv` and its verbs on values. Which version a mount has is asked first; that question spends no use of a token. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { sayNothingFound } from './absent.ts';
import { banner } from './columns.ts';
import { readDataWords } from './data-words.ts';
import { misuse } from './failure.ts';
import { goValue } from './go-text.ts';
import { printKeys } from './keys.ts';
import { type KvPlace, kvPath, mountFlag, refuseUnversioned, versionsOf } from './kv-path.ts';
import type { Output } from './output.ts';
import { dataOf, printSecret, printWarnings, type Secret, secretOf } from './secret.ts';
import { anyNumber, argument, fieldFlag, type Verb, type VerbCall, type Verbs } from './verb.ts';

const get: Verb = {
  usage: 'PATH',
  summary: 'Show a value',
  flags: { ...fieldFlag, ...mountFlag, version: { type: 'int', help: 'this version' } },
  args: [1, 1],
  async run(call) {
    const place = await kvPath(call, argument(call));
    const path = place.versioned ? place.at('data') : place.plain;
    const version = call.flags.int('version');
    const query = place.versioned && version !== undefined ? { version } : {};
    const answer = await call.session.look(`making API request to ${path}`, 'GET', path, { query });
    const secret = secretOf(answer?.body);
    if (secret === undefined) return sayNothingFound(call.output, path);
    if (!place.versioned) {
      await printSecret(call.output, secret, call.flags.text('field'));
      return 0;
    }
    return printVersioned(call, secret, path);
  },
};

/** A wrapped answer has no data, and is shown as what it is. */
async function printVersioned(call: VerbCall, secret: Secret, path: string): Promise<number> {
  const { output, flags } = call;
  const field = flags.text('field');
  const { data, metadata } = dataOf(secret);
  if (secret.wrap_info !== undefined) {
    await printSecret(output, secret, field);
    return 0;
  }
  const values = isJsonObject(data) ? data : {};
  if (field !== undefined && field !== '') {
    await printSecret(output, { ...secret, data: values }, field);
    return 0;
  }
  await output.document(secret as unknown as JsonObject, () => {
    printPath(output, 'Secret Path', path);
    if (isJsonObject(metadata)) printSection(output, 'Metadata', metadata);
    if (isJsonObject(data)) {
      if (isJsonObject(metadata)) output.line('');
      printSection(output, 'Data', data);
    }
  });
  printWarnings(output, secret);
  // A version that was deleted is shown by its metadata, and is not there.
  return isJsonObject(data) ? 0 : 2;
}

export function printPath(output: Output, heading: string, path: string): void {
  output.line(`${banner(heading, path.length)}\n${path}\n`);
}

/** A map below its own heading; times that never came are `n/a`. */
export function printSection(output: Output, heading: string, map: JsonObject): void {
  const rows = Object.keys(map)
    .toSorted()
    .map((name): [string, string] => [name, goValue(map[name])]);
  const longest = Math.max(0, ...rows.map(([name]) => name.length));
  output.line(banner(heading, longest + 'Value'.length + 4));
  output.record(rows);
}

/** The answer of a write that made a version. */
async function printMade(
  call: VerbCall,
  place: KvPlace,
  body: Secret | undefined,
  path: string,
): Promise<number> {
  const { output, flags } = call;
  if (body === undefined || !place.versioned) {
    if (body === undefined) output.success(`Success! Data written to: ${path}`);
    else await printSecret(output, body, flags.text('field'));
    return 0;
  }
  if (flags.has('field') || body.wrap_info !== undefined) {
    await printSecret(output, body, flags.text('field'));
    return 0;
  }
  await output.document(body as unknown as JsonObject, () => {
    printPath(output, 'Secret Path', path);
    printSection(output, 'Metadata', dataOf(body));
  });
  printWarnings(output, body);
  return 0;
}

const casFlag = { cas: { type: 'int', help: 'write only while this is the current version' } } as const;

function optionsOf({ flags }: VerbCall): JsonObject {
  const cas = flags.int('cas');
  return cas === undefined ? {} : { cas };
}

const put: Verb = {
  usage: 'PATH KEY=VALUE...',
  summary: 'Store a value',
  flags: { ...fieldFlag, ...mountFlag, ...casFlag },
  args: [1, anyNumber],
  async run(call) {
    const [name = '', ...words] = call.args;
    if (words.length === 0) throw misuse('Must supply data');
    const data = await readDataWords(call.shell, words);
    const place = await kvPath(call, name);
    const path = place.versioned ? place.at('data') : place.plain;
    const body = place.versioned ? { data, options: optionsOf(call) } : data;
    const answer = await call.session.ask(`writing data to ${path}`, 'PUT', path, { body });
    return printMade(call, place, secretOf(answer.body), path);
  },
};

const patch: Verb = {
  usage: 'PATH KEY=VALUE...',
  summary: 'Change some of a value',
  flags: {
    ...fieldFlag,
    ...mountFlag,
    ...casFlag,
    method: { type: 'text', help: 'patch, or rw to read and write; patch and then rw when absent' },
    'remove-data': { type: 'list', help: 'key to take out' },
  },
  args: [1, anyNumber],
  async run(call) {
    const [name = '', ...words] = call.args;
    const gone = call.flags.list('remove-data').flatMap((each) => each.split(','));
    if (words.length === 0 && gone.length === 0) throw misuse('Must supply data');
    const changes = {
      ...(await readDataWords(call.shell, words)),
      ...Object.fromEntries(gone.map((key) => [key, null])),
    };
    const place = await kvPath(call, name);
    refuseUnversioned(place);
    const method = call.flags.text('method') ?? '';
    if (!['', 'patch', 'rw'].includes(method)) throw misuse('-method is patch or rw');
    const patched = method === 'rw' ? undefined : await tryPatch(call, place, changes, method === 'patch');
    return patched ?? readAndWrite(call, place, changes);
  },
};

/** Undefined where the server would take a read and a write instead, and both were left open. */
async function tryPatch(
  call: VerbCall,
  place: KvPlace,
  data: JsonObject,
  only: boolean,
): Promise<number | undefined> {
  const path = place.at('data');
  const body = { data, options: optionsOf(call) };
  const accept = only ? [] : [403, 405];
  const answer = await call.session.ask(`writing data to ${path}`, 'PATCH', path, { body, accept });
  if (answer.status === 403 || answer.status === 405) return undefined;
  return printMade(call, place, secretOf(answer.body), path);
}

/** The write holds only while nobody else wrote in between. */
async function readAndWrite(call: VerbCall, place: KvPlace, changes: JsonObject): Promise<number> {
  const path = place.at('data');
  const { data, metadata } = dataOf(
    secretOf((await call.session.look(`doing pre-read at ${path}`, 'GET', path))?.body),
  );
  if (!isJsonObject(data)) return sayNothingFound(call.output, path);
  const cas = call.flags.int('cas') ?? (isJsonObject(metadata) ? Number(metadata['version']) : 0);
  const merged = Object.fromEntries(
    Object.entries({ ...data, ...changes }).filter(([, value]) => value !== null),
  );
  const body = { data: merged, options: { cas } };
  const answer = await call.session.ask(`writing data to ${path}`, 'PUT', path, { body });
  return printMade(call, place, secretOf(answer.body), path);
}

const list: Verb = {
  usage: 'PATH',
  summary: 'List names',
  flags: mountFlag,
  args: [0, 1],
  async run(call) {
    if (call.args.length === 0 && !call.flags.has('mount'))
      throw misuse('Not enough arguments (expected 1, got 0)');
    const place = await kvPath(call, argument(call));
    const path = place.versioned ? place.at('metadata') : place.plain;
    const answer = await call.session.look(`listing ${path}`, 'LIST', path);
    return printKeys(call.output, answer?.body, path);
  },
};

const remove: Verb = {
  usage: 'PATH',
  summary: 'Delete the newest version, or some',
  flags: { ...mountFlag, versions: { type: 'list', help: 'versions, with commas between them' } },
  args: [1, 1],
  async run(call) {
    const place = await kvPath(call, argument(call));
    const versions = call.flags.has('versions') ? versionsOf(call.flags) : undefined;
    if (versions !== undefined) refuseUnversioned(place);
    const path = !place.versioned ? place.plain : place.at(versions === undefined ? 'data' : 'delete');
    const doing = `deleting ${path}`;
    if (versions === undefined) await call.session.ask(doing, 'DELETE', path);
    else await call.session.ask(doing, 'PUT', path, { body: { versions } });
    call.output.success(`Success! Data deleted (if it existed) at: ${path}`);
    return 0;
  },
};

function onVersions(room: 'undelete' | 'destroy', summary: string): Verb {
  return {
    usage: 'PATH',
    summary,
    flags: { ...mountFlag, versions: { type: 'list', help: 'versions, with commas between them' } },
    args: [1, 1],
    async run(call) {
      if (!call.flags.has('versions'))
        throw misuse('No versions provided, use the "-versions" flag to specify the version to act on.');
      const versions = versionsOf(call.flags);
      const place = await kvPath(call, argument(call));
      refuseUnversioned(place);
      const path = place.at(room);
      await call.session.ask(`writing data to ${path}`, 'PUT', path, { body: { versions } });
      call.output.success(`Success! Data written to: ${path}`);
      return 0;
    },
  };
}

const rollback: Verb = {
  usage: 'PATH',
  summary: 'Store an earlier version again as the newest',
  flags: { ...mountFlag, version: { type: 'int', help: 'the version to store again' } },
  args: [1, 1],
  async run(call) {
    const version = call.flags.int('version');
    if (version === undefined || version < 1)
      throw misuse('Version flag must be specified, and be a version');
    const place = await kvPath(call, argument(call));
    refuseUnversioned(place);
    const path = place.at('data');
    const read = async (query: Readonly<Record<string, number>>) =>
      dataOf(secretOf((await call.session.look(`doing pre-read at ${path}`, 'GET', path, { query }))?.body));
    const current = await read({});
    const earlier = await read({ version });
    const metadata = current['metadata'];
    if (!isJsonObject(metadata)) return sayNothingFound(call.output, path);
    if (!isJsonObject(earlier['data']))
      throw new CofferError('not_found', `No data found at version ${version}, or it was deleted`);
    const body = { data: earlier['data'], options: { cas: Number(metadata['version']) } };
    const answer = await call.session.ask(`writing data to ${path}`, 'PUT', path, { body });
    return printMade(call, place, secretOf(answer.body), path);
  },
};

export const verbs: Verbs = {
  'kv get': get,
  'kv put': put,
  'kv patch': patch,
  'kv list': list,
  'kv delete': remove,
  'kv undelete': onVersions('undelete', 'Bring deleted versions back'),
  'kv destroy': onVersions('destroy', 'Destroy versions for good'),
  'kv rollback': rollback,
};

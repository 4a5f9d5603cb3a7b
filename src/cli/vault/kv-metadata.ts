/** `kv metadata` and `kv enable-versioning`. */
import { isJsonObject, type JsonObject } from '../../json.ts';
import { sayNothingFound } from './absent.ts';
import type { FlagSpecs, Flags } from './flags.ts';
import { printPath, printSection } from './kv.ts';
import { kvPath, mountFlag, refuseUnversioned } from './kv-path.ts';
import { dataOf, printSecret, secretOf } from './secret.ts';
import { argument, asMount, fieldFlag, sanitized, type Verb, type VerbCall, type Verbs } from './verb.ts';

async function pathOf(call: VerbCall): Promise<string> {
  const place = await kvPath(call, argument(call));
  refuseUnversioned(place);
  return place.at('metadata');
}

const get: Verb = {
  usage: 'PATH',
  summary: 'Show what is known of a value and its versions',
  flags: { ...fieldFlag, ...mountFlag },
  args: [1, 1],
  async run(call) {
    const { output, flags, session } = call;
    const path = await pathOf(call);
    const secret = secretOf((await session.look(`making API request to ${path}`, 'GET', path))?.body);
    if (secret === undefined) return sayNothingFound(output, path);
    if (flags.has('field') || secret.wrap_info !== undefined) {
      await printSecret(output, secret, flags.text('field'));
      return 0;
    }
    const { versions, ...metadata } = dataOf(secret);
    await output.document(secret as unknown as JsonObject, () => {
      printPath(output, 'Metadata Path', path);
      printSection(output, 'Metadata', metadata);
      const all = isJsonObject(versions) ? versions : {};
      for (const number of Object.keys(all).toSorted((a, b) => Number(a) - Number(b))) {
        const version = all[number];
        if (!isJsonObject(version)) continue;
        output.line('');
        printSection(output, `Version ${number}`, version);
      }
    });
    return 0;
  },
};

const settings = {
  ...mountFlag,
  'max-versions': { type: 'int', help: 'how many versions are kept' },
  'cas-required': { type: 'bool', help: 'writes must say the current version' },
  'delete-version-after': { type: 'duration', help: 'versions end so long after they were written' },
  'custom-metadata': { type: 'pairs', help: 'name=text to keep with it; may be given several times' },
  'remove-custom-metadata': { type: 'list', help: 'name to take out' },
} as const satisfies FlagSpecs;

function settingsOf(flags: Flags): JsonObject {
  const maxVersions = flags.int('max-versions');
  const gone = flags.list('remove-custom-metadata').map((name): [string, null] => [name, null]);
  const custom = { ...flags.pairs('custom-metadata'), ...Object.fromEntries(gone) };
  return {
    ...(maxVersions === undefined ? {} : { max_versions: maxVersions }),
    ...(flags.has('cas-required') ? { cas_required: flags.bool('cas-required') } : {}),
    ...(flags.has('delete-version-after')
      ? { delete_version_after: flags.text('delete-version-after') ?? '' }
      : {}),
    ...(Object.keys(custom).length === 0 ? {} : { custom_metadata: custom }),
  };
}

function writing(method: 'PUT' | 'PATCH', summary: string): Verb {
  return {
    usage: 'PATH',
    summary,
    flags: settings,
    args: [1, 1],
    async run(call) {
      const path = await pathOf(call);
      await call.session.ask(`writing data to ${path}`, method, path, { body: settingsOf(call.flags) });
      call.output.success(`Success! Data written to: ${path}`);
      return 0;
    },
  };
}

const remove: Verb = {
  usage: 'PATH',
  summary: 'Delete a value with all its versions',
  flags: mountFlag,
  args: [1, 1],
  async run(call) {
    const path = await pathOf(call);
    await call.session.ask(`deleting ${path}`, 'DELETE', path);
    call.output.success(`Success! Data deleted (if it existed) at: ${path}`);
    return 0;
  },
};

const enableVersioning: Verb = {
  usage: 'PATH',
  summary: 'Give a kv mount versions',
  args: [1, 1],
  async run(call) {
    const mount = asMount(argument(call));
    const path = `sys/mounts/${sanitized(mount)}/tune`;
    await call.session.ask(`tuning secrets engine ${mount}`, 'POST', path, {
      body: { options: { version: '2' } },
    });
    call.output.success(`Success! Tuned the secrets engine at: ${mount}`);
    return 0;
  },
};

export const verbs: Verbs = {
  'kv metadata get': get,
  'kv metadata put': writing('PUT', 'Write the settings of a value'),
  'kv metadata patch': writing('PATCH', 'Change some of the settings of a value'),
  'kv metadata delete': remove,
  'kv enable-versioning': enableVersioning,
};

/** `secrets …` and `auth …`: what is enabled where. Both are the same but for their words. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { misuse } from './failure.ts';
import type { FlagSpecs, Flags } from './flags.ts';
import { goDuration, goValue } from './go-text.ts';
import { dataOf, secretOf } from './secret.ts';
import { bodyOf } from './session.ts';
import { argument, asMount, sanitized, type Verb, type VerbCall, type Verbs } from './verb.ts';

interface Words {
  readonly group: 'secrets' | 'auth';
  /** Where its endpoints are. */
  readonly root: 'sys/mounts' | 'sys/auth';
  readonly thing: 'secrets engine' | 'auth method';
  /** What stands before a path where both kinds are in one list. */
  readonly prefix: '' | 'auth/';
}

const secrets: Words = { group: 'secrets', root: 'sys/mounts', thing: 'secrets engine', prefix: '' };
const auth: Words = { group: 'auth', root: 'sys/auth', thing: 'auth method', prefix: 'auth/' };

const settingFlags = {
  description: { type: 'text', help: 'what it is for' },
  'default-lease-ttl': { type: 'duration', help: 'life of what it gives out' },
  'max-lease-ttl': { type: 'duration', help: 'longest such life' },
  'audit-non-hmac-request-keys': { type: 'list', help: 'fields that audit shows as they are' },
  'audit-non-hmac-response-keys': { type: 'list', help: 'the same of answers' },
  'listing-visibility': { type: 'text', help: 'unauth or hidden' },
  'passthrough-request-headers': { type: 'list', help: 'headers to pass on' },
  'allowed-response-headers': { type: 'list', help: 'headers it may answer' },
  'allowed-managed-keys': { type: 'list', help: 'keys it may use' },
  'token-type': { type: 'text', help: 'type of the tokens of an auth method' },
  'plugin-version': { type: 'text', help: 'version of a plugin' },
  options: { type: 'pairs', help: 'name=value; may be given several times' },
  version: { type: 'int', help: 'of kv: 1, or 2 for versions' },
} as const satisfies FlagSpecs;

const enableFlags = {
  ...settingFlags,
  path: { type: 'text', help: 'where; at its type’s name when absent' },
  'plugin-name': { type: 'text', help: 'taken as the type' },
  'force-no-cache': { type: 'bool', help: 'taken, without effect' },
  local: { type: 'bool', help: 'this node’s alone' },
  'seal-wrap': { type: 'bool', help: 'taken, without effect' },
  'external-entropy-access': { type: 'bool', help: 'taken, without effect' },
} as const satisfies FlagSpecs;

/** The settings that were given, by the wire's names. */
function configOf(flags: Flags): JsonObject {
  const config: Record<string, JsonValue> = {};
  for (const name of [
    'default-lease-ttl',
    'max-lease-ttl',
    'listing-visibility',
    'token-type',
    'plugin-version',
  ]) {
    const text = flags.text(name);
    if (text !== undefined) config[name.replaceAll('-', '_')] = text;
  }
  for (const [name, { type }] of Object.entries(settingFlags)) {
    if (type !== 'list' || !flags.has(name)) continue;
    config[name.replaceAll('-', '_')] = flags.list(name).flatMap((each) => each.split(','));
  }
  return config;
}

function optionsOf(flags: Flags): JsonObject | undefined {
  const version = flags.int('version');
  if (!flags.has('options') && version === undefined) return undefined;
  return { ...flags.pairs('options'), ...(version === undefined ? {} : { version: String(version) }) };
}

function enable({ root, thing }: Words): Verb {
  return {
    usage: 'TYPE',
    summary: `Enable ${thing === 'auth method' ? 'an' : 'a'} ${thing}`,
    flags: enableFlags,
    args: [1, 1],
    async run(call) {
      const { flags, session, output } = call;
      const type = argument(call).trim();
      const path = sanitized(flags.text('path') ?? type);
      const options = optionsOf(flags);
      const config: JsonObject = {
        ...configOf(flags),
        ...(flags.has('force-no-cache') ? { force_no_cache: flags.bool('force-no-cache') } : {}),
      };
      const body: JsonObject = {
        type,
        description: flags.text('description') ?? '',
        config,
        local: flags.bool('local'),
        seal_wrap: flags.bool('seal-wrap'),
        ...(options === undefined ? {} : { options }),
      };
      await session.ask(`enabling ${type} ${thing}`, 'POST', `${root}/${path}`, { body });
      output.success(`Success! Enabled the ${type} ${thing} at: ${path}/`);
      return 0;
    },
  };
}

function disable({ root, thing }: Words): Verb {
  return {
    usage: 'PATH',
    summary: `Disable ${thing === 'auth method' ? 'an' : 'a'} ${thing}, with all that is its own`,
    args: [1, 1],
    async run(call) {
      const path = asMount(argument(call));
      await call.session.ask(`disabling ${thing} at ${path}`, 'DELETE', `${root}/${sanitized(path)}`);
      call.output.success(`Success! Disabled the ${thing} (if it existed) at: ${path}`);
      return 0;
    },
  };
}

function tune({ root, thing }: Words): Verb {
  return {
    usage: 'PATH',
    summary: `Change the settings of ${thing === 'auth method' ? 'an' : 'a'} ${thing}`,
    flags: settingFlags,
    args: [1, 1],
    async run(call) {
      const { flags } = call;
      const path = asMount(argument(call));
      const options = optionsOf(flags);
      const body: JsonObject = {
        ...configOf(flags),
        ...(flags.has('description') ? { description: flags.text('description') ?? '' } : {}),
        ...(options === undefined ? {} : { options }),
      };
      const doing = `tuning ${thing} ${path}`;
      await call.session.ask(doing, 'POST', `${root}/${sanitized(path)}/tune`, { body });
      call.output.success(`Success! Tuned the ${thing} at: ${path}`);
      return 0;
    },
  };
}

/** Moving is asked for once, and done when it is answered; a server that takes its time is asked until it is done. */
function move({ thing, prefix }: Words): Verb {
  return {
    usage: 'FROM TO',
    summary: `Move ${thing === 'auth method' ? 'an' : 'a'} ${thing} to another path`,
    args: [2, 2],
    async run(call) {
      const [from, to] = [asMount(argument(call)), asMount(argument(call, 1))];
      const body = { from: prefix + sanitized(from), to: prefix + sanitized(to) };
      const doing = `moving ${thing} ${from} to ${to}`;
      const begun = dataOf(secretOf((await call.session.ask(doing, 'POST', 'sys/remount', { body })).body));
      const id = begun['migration_id'];
      if (typeof id === 'string') await untilMoved(call, doing, id);
      call.output.success(
        `Success! Finished moving ${thing} ${from} to ${to}${typeof id === 'string' ? `, with migration ID ${id}` : ''}`,
      );
      return 0;
    },
  };
}

async function untilMoved(call: VerbCall, doing: string, id: string): Promise<void> {
  for (let wait = 100; ; wait = Math.min(2_000, wait * 2)) {
    const answer = await call.session.ask(doing, 'GET', `sys/remount/status/${id}`);
    const info = dataOf(secretOf(answer.body))['migration_info'];
    const status = isJsonObject(info) ? info['status'] : undefined;
    if (status === 'failure') throw misuse(`Failure! Error ${doing}: the server could not finish it`);
    if (status !== 'in-progress') return;
    await call.shell.pause(wait);
  }
}

function list({ root, thing }: Words): Verb {
  return {
    usage: '',
    summary: `List every ${thing}`,
    flags: { detailed: { type: 'bool', help: 'with all settings' } },
    args: [0, 0],
    async run({ session, output, flags }) {
      const body = bodyOf(await session.ask(`listing enabled ${thing}s`, 'GET', root));
      const mounts: JsonObject = isJsonObject(body['data']) ? body['data'] : {};
      await output.document(mounts, () =>
        output.rows(flags.bool('detailed') ? detailedRows(mounts) : shortRows(mounts)),
      );
      return 0;
    },
  };
}

function entries(mounts: JsonObject): readonly (readonly [string, JsonObject])[] {
  return Object.keys(mounts)
    .toSorted()
    .map((path) => [path, isJsonObject(mounts[path]) ? mounts[path] : {}] as const);
}

function shortRows(mounts: JsonObject): readonly (readonly string[])[] {
  return [
    ['Path', 'Type', 'Accessor', 'Description'],
    ...entries(mounts).map(([path, mount]) => [
      path,
      ...['type', 'accessor', 'description'].map((name) => String(mount[name] ?? '')),
    ]),
  ];
}

function detailedRows(mounts: JsonObject): readonly (readonly string[])[] {
  const heading = [
    'Path',
    'Plugin',
    'Accessor',
    'Default TTL',
    'Max TTL',
    'Force No Cache',
    'Replication',
    'Seal Wrap',
    'Options',
    'Description',
    'UUID',
  ];
  const time = (value: JsonValue | undefined) =>
    Number(value ?? 0) === 0 ? 'system' : goDuration(Number(value));
  return [
    heading,
    ...entries(mounts).map(([path, mount]) => {
      const config = isJsonObject(mount['config']) ? mount['config'] : {};
      const options = isJsonObject(mount['options']) ? mount['options'] : {};
      return [
        path,
        String(mount['type'] ?? ''),
        String(mount['accessor'] ?? ''),
        time(config['default_lease_ttl']),
        time(config['max_lease_ttl']),
        goValue(config['force_no_cache'] ?? false),
        mount['local'] === true ? 'local' : 'replicated',
        goValue(mount['seal_wrap'] ?? false),
        goValue(options),
        String(mount['description'] ?? ''),
        String(mount['uuid'] ?? ''),
      ];
    }),
  ];
}

const authHelp: Verb = {
  usage: 'TYPE | PATH',
  summary: 'Show how to log in by an auth method',
  args: [1, 1],
  async run(call) {
    const path = sanitized(argument(call));
    const asking = { query: { help: 1 } };
    const body = bodyOf(await call.session.ask('retrieving help', 'GET', `auth/${path}/login`, asking));
    call.output.line(String(body['help'] ?? '').trimEnd());
    return 0;
  },
};

function verbsFor(words: Words): Verbs {
  const { group } = words;
  return {
    [`${group} list`]: list(words),
    [`${group} enable`]: enable(words),
    [`${group} disable`]: disable(words),
    [`${group} move`]: move(words),
    [`${group} tune`]: tune(words),
  };
}

export const verbs: Verbs = { ...verbsFor(secrets), ...verbsFor(auth), 'auth help': authHelp };

/** `vault auth -methods` of the first releases. */
export const listMethods: Verb['run'] = list(auth).run;

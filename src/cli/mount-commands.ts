/** `mount` and `auth`: engines and auth methods are enabled, listed and disabled in the same words. */
import type { Client } from '../client/client.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { given, givenMap, pairsOf } from './body-fields.ts';
import { type CommandGroup, defineCommand, type Options } from './command.ts';
import { confirmed } from './confirm.ts';
import { connect } from './context.ts';
import { serverOptions, yesOption } from './options.ts';
import { cellText, printData, showWarnings } from './print-data.ts';
import { dataOf } from './safe.ts';

export interface MountKind {
  /** The command's name. */
  readonly name: 'mount' | 'auth';
  /** `sys/mounts` or `sys/auth`. */
  readonly root: string;
  readonly summary: string;
  /** Such as `a secrets engine`. */
  readonly thing: string;
  /** What goes with a mount that is disabled. */
  readonly loss: string;
  readonly example: string;
}

export function mountCommands(kind: MountKind): CommandGroup {
  return {
    summary: kind.summary,
    commands: {
      list: list(kind),
      enable: enable(kind),
      tune: tune(kind),
      move: move(kind),
      disable: disable(kind),
    },
  };
}

function list(kind: MountKind) {
  return defineCommand({
    summary: 'List what is enabled',
    operands: {},
    options: serverOptions,
    async run({ options }, shell) {
      const client = await connect(shell, options);
      const mounts = dataOf((await client.request('GET', kind.root)).body);
      const lines = Object.entries(mounts).map(([path, mount]) => [path, ...mountCells(mount)]);
      shell.ui.table(['PATH', 'TYPE', 'OPTIONS', 'DESCRIPTION'], lines, mounts);
    },
  });
}

function mountCells(mount: unknown): string[] {
  if (!isJsonObject(mount)) return ['', '', ''];
  const options = isJsonObject(mount['options']) ? Object.entries(mount['options']) : [];
  return [
    cellText(mount['type']),
    options.map(([name, value]) => `${name}=${cellText(value)}`).join(' '),
    cellText(mount['description']),
  ];
}

const lifeOptions = {
  'default-lease-ttl': { type: 'text', value: 'TTL', help: 'life of what it hands out, such as 1h' },
  'max-lease-ttl': { type: 'text', value: 'TTL', help: 'longest life, renewals included' },
} as const;

const versionOption = {
  version: {
    type: 'integer',
    value: 'N',
    help: 'of a kv engine: 2 keeps versions (the default), 1 does not',
  },
} as const satisfies Options;

function enable(kind: MountKind) {
  return defineCommand({
    summary: `Enable ${kind.thing}`,
    operands: { TYPE: 'one' },
    options: {
      path: { type: 'text', value: 'PATH', help: 'where; at the name of its type unless given' },
      description: { type: 'text', help: 'for people' },
      ...(kind.name === 'mount' ? versionOption : {}),
      option: { type: 'list', value: 'NAME=TEXT', help: 'an option of the type; may be repeated' },
      ...lifeOptions,
      ...serverOptions,
    },
    examples: [kind.example],
    async run({ options, operands }, shell) {
      const path = trimmed(options.path ?? operands.TYPE);
      const body = {
        type: operands.TYPE,
        ...given('description', options.description),
        ...givenMap('options', mountOptions(`${kind.name} enable`, operands.TYPE, options)),
        ...givenMap('config', {
          ...given('default_lease_ttl', options['default-lease-ttl']),
          ...given('max_lease_ttl', options['max-lease-ttl']),
        }),
      };
      const client = await connect(shell, options);
      const answer = await client.request('POST', `${kind.root}/${path}`, { body });
      showWarnings(shell.ui, answer.body);
      shell.ui.done(`${operands.TYPE} enabled at ${path}/`, { type: operands.TYPE, path: `${path}/` });
    },
  });
}

function tune(kind: MountKind) {
  return defineCommand({
    summary: `Change the settings of ${kind.thing}, or show them`,
    details: ['Without options it shows the settings in force; what is not given stays as it is.'],
    operands: { PATH: 'one' },
    options: {
      description: { type: 'text', help: 'for people' },
      version: { type: 'integer', value: 'N', help: 'makes a kv engine of version 1 one of 2' },
      option: { type: 'list', value: 'NAME=TEXT', help: 'an option of the type; may be repeated' },
      ...lifeOptions,
      ...serverOptions,
    },
    examples: [`coffer ${kind.name} tune ${kind.example.split(' ')[3] ?? ''} --max-lease-ttl 8h`],
    async run({ options, operands }, shell) {
      const path = trimmed(operands.PATH);
      const body = {
        ...given('description', options.description),
        ...givenMap('options', mountOptions(`${kind.name} tune`, '', options)),
        ...given('default_lease_ttl', options['default-lease-ttl']),
        ...given('max_lease_ttl', options['max-lease-ttl']),
      };
      const client = await connect(shell, options);
      const target = `${kind.root}/${path}/tune`;
      if (Object.keys(body).length === 0) {
        printData(shell.ui, dataOf((await client.request('GET', target)).body));
        return;
      }
      showWarnings(shell.ui, (await client.request('POST', target, { body })).body);
      shell.ui.done(`${path}/ changed`, { path: `${path}/` });
    },
  });
}

function move(kind: MountKind) {
  return defineCommand({
    summary: `Move ${kind.thing} to another path`,
    details: ['Leases and tokens go on. Policies and quotas are for paths, and stay as they are.'],
    operands: { FROM: 'one', TO: 'one' },
    options: serverOptions,
    examples: [`coffer ${kind.name} move ${kind.name === 'auth' ? 'approle machines' : 'team teams/blue'}`],
    async run({ options, operands }, shell) {
      const [from, to] = [trimmed(operands.FROM), trimmed(operands.TO)];
      const prefix = kind.name === 'auth' ? 'auth/' : '';
      const client = await connect(shell, options);
      const body = { from: prefix + from, to: prefix + to };
      const answer = await client.request('POST', 'sys/remount', { body });
      showWarnings(shell.ui, answer.body);
      shell.ui.done(`${from}/ moved to ${to}/`, { from: `${from}/`, to: `${to}/` });
    },
  });
}

function disable(kind: MountKind) {
  return defineCommand({
    summary: `Disable ${kind.thing}, for good`,
    details: [kind.loss],
    operands: { PATH: 'one' },
    options: { ...yesOption, ...serverOptions },
    async run({ options, operands }, shell) {
      const path = trimmed(operands.PATH);
      await confirmed(shell, options.yes, `disable ${path}/? ${kind.loss}`);
      const client = await connect(shell, options);
      await requireMount(client, kind, path);
      await client.request('DELETE', `${kind.root}/${path}`);
      shell.ui.done(`${path}/ disabled`, { path: `${path}/` });
    },
  });
}

/**
 * The wire disables what is not there without a word, and a mistyped path must not look like one that was shut. Who may not
 * list goes on without knowing. Throws `not_found`.
 */
async function requireMount(client: Client, kind: MountKind, path: string): Promise<void> {
  const answer = await client.request('GET', kind.root).catch((error: unknown) => {
    if (asCofferError(error).code !== 'permission_denied') throw error;
  });
  const mounts = dataOf(answer?.body);
  if (Object.keys(mounts).length === 0 || Object.hasOwn(mounts, `${path}/`)) return;
  throw new CofferError('not_found', `there is no ${kind.thing.replace(/^an? /, '')} at ${path}/`);
}

/** On the wire `kv` without a version is version 1, where the verbs on secrets do not work; who asks here wants these. */
function mountOptions(
  command: string,
  type: string,
  { option, version }: { readonly option: readonly string[]; readonly version?: unknown },
): JsonObject {
  return {
    ...(type === 'kv' ? { version: '2' } : {}),
    ...pairsOf(command, 'option', option),
    ...(typeof version === 'number' ? { version: String(version) } : {}),
  };
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

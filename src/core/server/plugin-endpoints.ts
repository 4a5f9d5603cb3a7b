/** `sys/plugins`: what there is is built in. Nothing is loaded from disk, so nothing can be registered. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { vaultVersion } from '../../version.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, ResponseSchema } from '../endpoint.ts';

/** Names by kind. */
export interface BuiltIn {
  readonly auth: readonly string[];
  readonly database: readonly string[];
  readonly secret: readonly string[];
}

type PluginKind = keyof BuiltIn;
const kinds: readonly PluginKind[] = ['auth', 'database', 'secret'];

const builtinVersion = `v${vaultVersion}+builtin.vault`;

const pluginMembers = {
  name: { type: 'string' },
  type: { type: 'string' },
  builtin: { type: 'bool' },
  version: { type: 'string' },
  deprecation_status: { type: 'string' },
} as const satisfies ResponseSchema;

export function pluginEndpoints(builtIn: BuiltIn): readonly Endpoint[] {
  return [
    catalog(builtIn),
    kind(builtIn),
    one(builtIn),
    refusal('plugins/reload/backend', 'Nothing to reload.'),
    refusal('plugins/reload/:type/:name', 'Nothing to reload.'),
  ];
}

function catalog(builtIn: BuiltIn): Endpoint {
  const all = {
    summary: 'List what is built in',
    sudo: true,
    response: {
      auth: { type: 'list' },
      database: { type: 'list' },
      secret: { type: 'list' },
      detailed: { type: 'list', items: pluginMembers },
    },
    handle: async () => ({
      data: {
        ...Object.fromEntries(kinds.map((one) => [one, builtIn[one].toSorted()])),
        detailed: kinds.flatMap((one) => builtIn[one].toSorted().map((name) => shown(one, name))),
      },
    }),
  } as const;
  return coreEndpoint({
    pattern: 'plugins/catalog',
    help: 'Lists engines, auth methods and databases. All of them are built in.',
    fields: {},
    operations: { read: all },
  });
}

function kind(builtIn: BuiltIn): Endpoint {
  const list = {
    summary: 'List what is built in of a kind',
    sudo: true,
    response: { keys: { type: 'list' } },
    handle: async ({ params }: { readonly params: Readonly<Record<string, string>> }) => ({
      data: { keys: builtIn[parseKind(params['type'])].toSorted() },
    }),
  } as const;
  return coreEndpoint({
    pattern: 'plugins/catalog/:type',
    help: 'Lists what is built in of one kind: auth, database or secret.',
    fields: {},
    operations: { list, read: list, update: refused(), delete: refused() },
  });
}

function one(builtIn: BuiltIn): Endpoint {
  return coreEndpoint({
    pattern: 'plugins/catalog/:type/:name',
    help: 'Shows one engine, auth method or database. None can be registered or taken away.',
    fields: {},
    operations: {
      read: {
        summary: 'Show what is built in',
        sudo: true,
        response: {
          ...pluginMembers,
          command: { type: 'string', help: 'Always empty.' },
          args: { type: 'list', help: 'Always empty.' },
          sha256: { type: 'string', help: 'Always empty.' },
        },
        handle: async ({ params }) => {
          const of = parseKind(params['type']);
          const name = params['name'] ?? '';
          if (!builtIn[of].includes(name)) return undefined;
          return { data: { ...shown(of, name), command: '', args: [], sha256: '' } };
        },
      },
      update: refused(),
      delete: refused(),
    },
  });
}

function parseKind(text: string | undefined): PluginKind {
  const found = kinds.find((each) => each === text);
  if (found === undefined) throw new CofferError('invalid_request', 'the kind is auth, database or secret');
  return found;
}

function shown(type: PluginKind, name: string): JsonObject {
  return { name, type, builtin: true, version: builtinVersion, deprecation_status: 'supported' };
}

function refused() {
  return {
    summary: 'Refused: there are no plugins from outside',
    sudo: true,
    handle: async (): Promise<undefined> => {
      throw new CofferError(
        'invalid_request',
        'engines, auth methods and databases are part of the program: none is loaded from disk, registered, deregistered or reloaded',
      );
    },
  } as const;
}

function refusal(pattern: string, help: string): Endpoint {
  return coreEndpoint({ pattern, help, fields: {}, operations: { update: refused() } });
}

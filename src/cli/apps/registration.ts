import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { given } from '../body-fields.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { yesOption } from '../options.ts';
import { cellText } from '../print-data.ts';
import { commonAppsOptions, objects, openApplications, pathOf, texts } from './applications.ts';
import { endOf, isDelivered, waitFor, waitOptions } from './waiting.ts';

const registryOptions = {
  team: { type: 'text', value: 'GROUP', help: 'identity group that owns it' },
  name: { type: 'text', value: 'TEXT', help: 'its name, for people' },
  subtitle: { type: 'text', value: 'TEXT', help: 'what it is, for people' },
} as const;

const ownerOptions = {
  target: {
    type: 'list',
    value: 'ADDRESS',
    help: 'where its credentials go: a bucket, s3://…, kv:…, directory:…; may be repeated, and replaces all',
  },
  scope: {
    type: 'list',
    value: 'SCOPE',
    help: 'what it may ask for, as customer.read; may be repeated, and replaces all',
  },
  'redirect-url': { type: 'text', value: 'URL', help: 'of its OAuth client; empty takes it away' },
  'password-period': {
    type: 'text',
    value: 'TIME',
    help: 'rotate its password so often; 0 as the mount has it',
  },
  'client-period': { type: 'text', value: 'TIME', help: 'rotate its OAuth client so often' },
  overlap: { type: 'text', value: 'TIME', help: 'how long old credentials stay good' },
  public: { type: 'flag', help: 'its OAuth client has no secret' },
  confidential: { type: 'flag', help: 'its OAuth client has a secret' },
  'no-targets': { type: 'flag', help: 'its credentials go nowhere any more' },
  'no-scopes': { type: 'flag', help: 'it may ask for nothing any more' },
} as const;

interface OwnerValues {
  readonly target: readonly string[];
  readonly scope: readonly string[];
  readonly 'redirect-url': string | undefined;
  readonly 'password-period': string | undefined;
  readonly 'client-period': string | undefined;
  readonly overlap: string | undefined;
  readonly public: boolean;
  readonly confidential: boolean;
  readonly 'no-targets': boolean;
  readonly 'no-scopes': boolean;
}

/** What goes to `delivery`; empty where nothing was said of it. Throws `usage` for what does not go together. */
function ownersSide(command: string, options: OwnerValues): JsonObject {
  for (const [list, none] of [
    ['target', 'no-targets'],
    ['scope', 'no-scopes'],
  ] as const) {
    if (options[list].length > 0 && options[none]) {
      throw usageError(command, `--${list} and --${none} do not go together`);
    }
  }
  if (options.public && options.confidential) {
    throw usageError(command, '--public and --confidential do not go together');
  }
  const { target, scope } = options;
  return {
    ...(target.length > 0 || options['no-targets'] ? { targets: [...target] } : {}),
    ...(scope.length > 0 || options['no-scopes'] ? { scopes: [...scope] } : {}),
    ...given('redirect_url', options['redirect-url']),
    ...given('password_period', options['password-period']),
    ...given('client_period', options['client-period']),
    ...given('overlap', options.overlap),
    ...(options.public || options.confidential ? { confidential: options.confidential } : {}),
  };
}

export const register = defineCommand({
  summary: 'Register an application',
  details: [
    'Its user is made at the provider by itself; its credentials go wherever --target says. Where the application has a team, only ' +
      'a login of that team says where they go.',
    '--wait waits until its credentials are everywhere; exit code 9 where --timeout comes first.',
  ],
  operands: { ID: 'one' },
  options: {
    ...registryOptions,
    provider: { type: 'text', value: 'NAME', help: 'where its user is; fixed from then on' },
    ...ownerOptions,
    ...waitOptions,
    ...commonAppsOptions,
  },
  examples: ['coffer apps register shop --team payments --target directory:/run/credentials'],
  async run({ options, operands }, shell) {
    const { ID: id } = operands;
    const end = endOf(shell, options.timeout);
    const owners = ownersSide('apps register', options);
    const applications = await openApplications(shell, options);
    const { team, name, subtitle, provider } = options;
    await applications.writeOf(id, undefined, {
      ...given('team', team),
      ...given('name', name),
      ...given('subtitle', subtitle),
      ...given('provider', provider),
    });
    if (Object.keys(owners).length > 0) await applications.writeOf(id, 'delivery', owners);
    if (options.wait) await waitFor(shell, { applications, id, end }, isDelivered);
    shell.ui.done(`${id} registered`, { id });
  },
});

export const set = defineCommand({
  summary: 'Change an application: its registration, or where its credentials go',
  details: ['What is not given stays.'],
  operands: { ID: 'one' },
  options: {
    ...registryOptions,
    activate: { type: 'flag', help: 'it gets credentials again' },
    ...ownerOptions,
    ...commonAppsOptions,
  },
  examples: [
    'coffer apps set shop --target s3://acme-mint?region=eu-central-1',
    'coffer apps set shop --activate',
  ],
  async run({ options, operands }, shell) {
    const { ID: id } = operands;
    const owners = ownersSide('apps set', options);
    const registry: JsonObject = {
      ...given('team', options.team),
      ...given('name', options.name),
      ...given('subtitle', options.subtitle),
      ...(options.activate ? { active: true } : {}),
    };
    const names = [...Object.keys(registry), ...Object.keys(owners)];
    if (names.length === 0) throw usageError('apps set', 'say what is to change');
    const applications = await openApplications(shell, options);
    // A slip of the pen must not register another application.
    await applications.readOf(id);
    if (Object.keys(registry).length > 0) await applications.writeOf(id, undefined, registry);
    if (Object.keys(owners).length > 0) await applications.writeOf(id, 'delivery', owners);
    shell.ui.done(`${names.join(', ')} of ${id} set`, { id, set: names });
  },
});

export const show = defineCommand({
  summary: 'Show an application: its registration and where its credentials go',
  operands: { ID: 'one' },
  options: commonAppsOptions,
  async run({ options, operands }, shell) {
    const applications = await openApplications(shell, options);
    const data = await applications.readOf(operands.ID);
    const { targets } = await applications.readOf(operands.ID, 'status');
    const wanted = objects(targets).filter((target) => target['wanted'] === true);
    const addresses = wanted.map(({ address }) => cellText(address));
    const { scopes, ...rest } = data;
    const shownScopes = objects(scopes).map(({ resource_type_id: type, scope_id: scope }) =>
      [type, scope].filter((part) => part !== '').join('.'),
    );
    shell.ui.record(
      [
        ...Object.entries(rest).map(([name, value]) => [name, cellText(value)] as const),
        ['scopes', shownScopes.join(', ')],
        ['targets', addresses.join(', ')],
      ],
      { ...data, targets: addresses },
    );
  },
});

export const list = defineCommand({
  summary: 'List applications',
  operands: {},
  options: commonAppsOptions,
  async run({ options }, shell) {
    const applications = await openApplications(shell, options);
    shell.ui.lines(await applications.ids());
  },
});

export const deactivate = defineCommand({
  summary: 'Take its credentials from an application: its user is disabled at once',
  details: [
    'After the mount’s deletion_grace the user is deleted. Until then `coffer apps set ID --activate` takes it back.',
  ],
  operands: { ID: 'one' },
  options: { ...yesOption, ...commonAppsOptions },
  async run({ options, operands }, shell) {
    const { ID: id } = operands;
    const applications = await openApplications(shell, options);
    await applications.readOf(id);
    await confirmed(shell, options.yes, `disable the user of ${id}?`, 'this ends its credentials');
    await applications.writeOf(id, undefined, { active: false });
    shell.ui.done(`${id} is inactive`, { id, active: false });
  },
});

export const remove = defineCommand({
  summary: 'Delete an application, its user, and what was delivered for it',
  operands: { ID: 'one' },
  options: { ...yesOption, ...commonAppsOptions },
  async run({ options, operands }, shell) {
    const { ID: id } = operands;
    const applications = await openApplications(shell, options);
    await applications.readOf(id);
    await confirmed(shell, options.yes, `delete ${id}, its user, and what was delivered for it?`);
    await applications.remove(pathOf(id));
    shell.ui.done(`${id} is being deleted`, { id, deleted: true });
  },
});

export const readers = defineCommand({
  summary: 'List who fetches an application’s credentials, and what they hold',
  operands: { ID: 'one' },
  options: commonAppsOptions,
  async run({ options, operands }, shell) {
    const applications = await openApplications(shell, options);
    const info = await applications.listInfo(pathOf(operands.ID, 'readers')).catch(noneWhere404);
    const lines = Object.entries(info).map(([name, each]) => {
      const { last_seen: seen, behind } = each as JsonObject;
      return [name, cellText(seen), texts(behind).join(', ')];
    });
    shell.ui.table(['READER', 'LAST SEEN', 'BEHIND ON'], lines, info);
  },
});

function noneWhere404(error: unknown): JsonObject {
  if (error instanceof Error && 'code' in error && error.code === 'not_found') return {};
  throw error;
}

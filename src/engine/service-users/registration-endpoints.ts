/** `apps`: the registry's side of applications. What their owners say of them is at `delivery`. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type Application, applicationFolder, parseApplicationId } from './application.ts';
import { parseTeam, parseTitle } from './application-fields.ts';
import {
  type Change,
  changeApplication,
  findApplication,
  present,
  unknownApplication,
} from './applications.ts';
import { readSettings } from './config-endpoint.ts';
import { type MountSettings, settingsPath } from './mount-config.ts';
import { newApplication } from './new-application.ts';
import type { ServiceUsersParts } from './parts.ts';
import { expectProvider } from './providers.ts';
import { clustersSchema, scopesSchema, shownScopes, timeOrNull } from './shown.ts';

const fields = {
  team: {
    type: 'string',
    help: 'Name of the identity group that owns it: nobody else says where its credentials go. Empty where policies alone decide.',
  },
  name: { type: 'string', help: 'Its name, for people.' },
  subtitle: { type: 'string', help: 'What it is, for people.' },
  active: {
    type: 'bool',
    help: 'Whether it gets credentials. False disables its user at once, and deletes it after the mount’s deletion_grace.',
  },
  provider: {
    type: 'string',
    help: 'Where its user is, of providers/; the mount’s default_provider unless told, and fixed from then on.',
  },
} as const;

type RegistrationCall = Call & { readonly fields: FieldValues<typeof fields> };

const response = {
  id: { type: 'string' },
  username: { type: 'string', help: 'Its user’s name at the provider.' },
  team: { type: 'string' },
  name: { type: 'string' },
  subtitle: { type: 'string' },
  active: { type: 'bool' },
  inactive_since: { type: 'string', nullable: true, help: 'RFC 3339.' },
  deleted: { type: 'bool', help: 'On its way out: gone once its user and what was delivered are.' },
  provider: { type: 'string' },
  confidential: { type: 'bool', help: 'Whether its OAuth client has a secret.' },
  redirect_url: { type: 'string', nullable: true },
  scopes: scopesSchema,
  kubernetes_clusters: clustersSchema,
  paused: { type: 'bool' },
  created_time: { type: 'string', help: 'RFC 3339.' },
  modified_time: { type: 'string', help: 'RFC 3339.' },
} as const;

export function registrationEndpoints(parts: ServiceUsersParts): readonly Endpoint[] {
  return [listing(), oneApplication(parts)];
}

function listing(): Endpoint {
  return endpoint({
    pattern: 'apps',
    help: 'Lists applications.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List applications',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(applicationFolder, page), call.fields),
      },
    },
  });
}

function oneApplication(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'apps/:id',
    help: 'An application as it is registered. Its user and credentials follow from that by themselves.',
    fields,
    exists: async (call) => (await findApplication(call.view, idOf(call))) !== undefined,
    operations: {
      read: {
        summary: 'Show an application',
        response,
        handle: async (call) => {
          const found = await findApplication(call.view, idOf(call));
          return found === undefined ? undefined : { data: shown(found.application) };
        },
      },
      update: {
        summary: 'Register an application, or change its registration',
        handle: (call) => write(parts, call),
      },
      delete: {
        summary: 'Delete an application, its user, and what was delivered for it',
        handle: (call) => remove(parts, call),
      },
    },
  });
}

export function idOf(call: Call): string {
  return parseApplicationId(call.params['id']);
}

function shown(application: Application): JsonObject {
  return {
    id: application.id,
    username: application.username,
    team: application.team,
    name: application.name,
    subtitle: application.subtitle,
    active: application.active,
    inactive_since: timeOrNull(application.inactiveSince),
    deleted: application.deleted,
    provider: application.provider,
    confidential: application.confidential,
    redirect_url: application.redirectUrl,
    scopes: shownScopes(application.scopes),
    kubernetes_clusters: application.kubernetesClusters,
    paused: application.paused,
    created_time: new Date(application.createdAt).toISOString(),
    modified_time: new Date(application.modifiedAt).toISOString(),
  };
}

async function write(parts: ServiceUsersParts, call: RegistrationCall): Promise<undefined> {
  const id = idOf(call);
  const { view, clock } = call;
  const now = clock.now();
  await changeApplication({ view, now, random: parts.environment.random }, id, async (found) => {
    // Read with each try: whoever hands the registry over to another must not be overtaken.
    const { settings, revision } = await readSettings(view);
    if (settings.registry !== 'own') throw registeredElsewhere(call);
    const expectations = [{ path: settingsPath, revision }];
    if (found !== undefined) {
      const change = changed(present(id, found), call, now);
      return change === undefined ? undefined : { ...change, expectations };
    }
    const provider = call.fields.provider ?? settings.defaultProvider;
    expectations.push(...(await expectProvider(parts, view, provider)));
    return { ...registered(id, call, settings, now), expectations };
  });
  return undefined;
}

function registeredElsewhere({ fields: sent }: RegistrationCall): CofferError {
  const names = (['team', 'name', 'subtitle', 'active'] as const).filter((name) => sent[name] !== undefined);
  const what = names.length === 0 ? 'which applications there are' : names.join(', ');
  return new CofferError(
    'invalid_request',
    `${what} is the registry’s to say, at the mount’s registry_url; what its owners say of an application goes to apps/:id/delivery`,
  );
}

function registered(
  id: string,
  { fields: sent }: RegistrationCall,
  settings: MountSettings,
  now: number,
): Change {
  const active = sent.active ?? true;
  return {
    application: {
      ...newApplication(id, settings, now),
      team: parseTeam(sent.team ?? ''),
      name: parseTitle(sent.name ?? '', 'name'),
      subtitle: parseTitle(sent.subtitle ?? '', 'subtitle'),
      active,
      inactiveSince: active ? null : now,
      ...(sent.provider === undefined ? {} : { provider: sent.provider }),
    },
    events: [{ event: 'registered' }],
  };
}

/** What was not sent stays; undefined where nothing changes. */
function changed(
  before: Application,
  { fields: sent, caller }: RegistrationCall,
  now: number,
): Change | undefined {
  if (sent.provider !== undefined && sent.provider !== before.provider) {
    throw new CofferError(
      'invalid_request',
      `the provider of ${before.id} is ${before.provider} for good: delete and register it again to have its user elsewhere`,
    );
  }
  const active = sent.active ?? before.active;
  const after: Application = {
    ...before,
    team: sent.team === undefined ? before.team : parseTeam(sent.team),
    name: sent.name === undefined ? before.name : parseTitle(sent.name, 'name'),
    subtitle: sent.subtitle === undefined ? before.subtitle : parseTitle(sent.subtitle, 'subtitle'),
    active,
    inactiveSince: active ? null : (before.inactiveSince ?? now),
  };
  const names = (['team', 'name', 'subtitle', 'active'] as const).filter(
    (name) => after[name] !== before[name],
  );
  if (names.length === 0) return undefined;
  return { application: after, events: [{ event: 'changed', detail: `${names.join(', ')}${by(caller)}` }] };
}

/** Who did it, for an application's history. */
export function by(caller: Call['caller']): string {
  return caller === undefined ? '' : ` by ${caller.displayName.slice(0, 100)}`;
}

/** Its record stays until the machine has ended all that is outside. */
async function remove(parts: ServiceUsersParts, call: Call): Promise<undefined> {
  const id = idOf(call);
  const { view, clock } = call;
  const now = clock.now();
  await changeApplication({ view, now, random: parts.environment.random }, id, async (found) => {
    if (found === undefined) throw unknownApplication(id);
    if (found.deleted) return undefined;
    const { settings, revision } = await readSettings(view);
    if (settings.registry !== 'own' && found.active) {
      throw new CofferError(
        'invalid_request',
        `application ${id} is active in the registry: it would come back. Retire it there first`,
      );
    }
    return {
      application: { ...found, active: false, deleted: true, inactiveSince: found.inactiveSince ?? now },
      events: [{ event: 'changed', detail: `deleted${by(call.caller)}` }],
      expectations: [{ path: settingsPath, revision }],
    };
  });
  return undefined;
}

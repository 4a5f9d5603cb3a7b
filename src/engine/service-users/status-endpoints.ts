/** How applications stand: what was rotated and delivered, what is next, who is behind, and what is wrong. */
import { type Call, type Endpoint, endpoint, type ResponseSchema } from '../../core/endpoint.ts';
import { checkAfter, pageFields } from '../../core/list-page.ts';
import type { View } from '../../core/view.ts';
import { emptyObject, type JsonObject } from '../../json.ts';
import type { CredentialKind } from '../../service-user/provider.ts';
import { type Application, applicationFolder, decodeApplication } from './application.ts';
import { findApplication, unknownApplication } from './applications.ts';
import { readSettings } from './config-endpoint.ts';
import type { MountSettings } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import { knownReaders } from './readers.ts';
import { idOf } from './registration-endpoints.ts';
import { readRegistryState, registrySchema, shownRegistry } from './registry/registry-state.ts';
import { timeOrNull } from './shown.ts';
import { behindOn, deletionAt, isSeen, standingTargets, wantedVersions } from './standing.ts';
import {
  type ApplicationState,
  decodeState,
  type KindState,
  noState,
  type Problem,
  statePath,
} from './state.ts';
import { rotationAt } from './timetable.ts';

const kindSchema = {
  step: {
    type: 'string',
    help: 'idle, probing, staging, delivering, verifying, committing, overlap or retiring.',
  },
  step_time: { type: 'string', nullable: true, help: 'When the step began.' },
  overlap_end: {
    type: 'string',
    nullable: true,
    help: 'Until when old ones stay good at least; null where none is kept. Another rotation begins behind it.',
  },
  generation: { type: 'int', help: 'How many there were.' },
  version: {
    type: 'string',
    nullable: true,
    help: 'Of the document that its targets are meant to hold; null before the first.',
  },
  last_rotation: { type: 'string', nullable: true },
  next_rotation: { type: 'string', nullable: true },
  emergency: { type: 'bool', help: 'Whether the rotation under way waits for nobody.' },
} as const satisfies ResponseSchema;

const problemSchema = {
  code: { type: 'string' },
  message: { type: 'string' },
  target: { type: 'string', nullable: true, help: 'Null where it is about the provider or the registry.' },
  since: { type: 'string' },
} as const satisfies ResponseSchema;

const commonSchema = {
  team: { type: 'string' },
  active: { type: 'bool' },
  inactive_since: { type: 'string', nullable: true },
  deleted: { type: 'bool' },
  paused: { type: 'bool', help: 'Its own rotation, or that of the whole mount.' },
  user: { type: 'string', help: 'none, changing, present, disabled or deleted.' },
  password: { type: 'object', members: kindSchema },
  client: { type: 'object', members: kindSchema },
  targets_current: { type: 'int', help: 'Of its targets, how many have what is current.' },
  targets_total: { type: 'int' },
  problem: { type: 'string', nullable: true, help: 'The first of its problems.' },
  failures: { type: 'int', help: 'In a row.' },
  synced_time: { type: 'string', nullable: true, help: 'When the provider was told last what is wanted.' },
  modified_time: { type: 'string' },
} as const satisfies ResponseSchema;

const oneSchema = {
  id: { type: 'string' },
  username: { type: 'string' },
  ...commonSchema,
  provider: { type: 'string' },
  client_id: { type: 'string', nullable: true, help: 'Of its OAuth client.' },
  deletion_time: {
    type: 'string',
    nullable: true,
    help: 'When its disabled user will be deleted, unless it is active again before.',
  },
  requests_made: { type: 'int', help: 'Rotations that were asked for.' },
  requests_served: { type: 'int' },
  retry_time: { type: 'string', nullable: true },
  targets: {
    type: 'list',
    items: {
      address: { type: 'string' },
      user_version: { type: 'string', nullable: true },
      client_version: { type: 'string', nullable: true },
      current: { type: 'bool' },
      wanted: { type: 'bool', help: 'False for a former target that is to be emptied.' },
    },
  },
  readers: {
    type: 'object',
    members: {
      seen: { type: 'int', help: 'Readers that were seen within reader_window.' },
      behind: { type: 'list', help: 'Of these, names of those with another version than the current one.' },
    },
  },
  problems: { type: 'list', items: problemSchema },
} as const satisfies ResponseSchema;

export function statusEndpoints(_parts: ServiceUsersParts): readonly Endpoint[] {
  return [oneStatus(), allStatus()];
}

function oneStatus(): Endpoint {
  return endpoint({
    pattern: 'apps/:id/status',
    help: 'How an application stands. Nothing in it is a secret.',
    fields: {},
    operations: {
      read: { summary: 'Show how an application stands', response: oneSchema, handle: showOne },
    },
  });
}

async function showOne(call: Call) {
  const { view, clock } = call;
  const id = idOf(call);
  const found = await findApplication(view, id);
  if (found === undefined) throw unknownApplication(id);
  const { application } = found;
  const { settings } = await readSettings(view);
  const state = await stateOf(view, id);
  const readers = await readersOf(view, id, state, settings, clock.now());
  return { data: shownOne(application, state, settings, readers) };
}

async function stateOf(view: View, id: string): Promise<ApplicationState> {
  const record = await view.read(statePath(id));
  return record === undefined ? noState : decodeState(record.open());
}

async function readersOf(
  view: View,
  id: string,
  state: ApplicationState,
  settings: MountSettings,
  now: number,
): Promise<JsonObject> {
  const current = wantedVersions(state);
  const seen = (await knownReaders(view, id)).filter((reader) => isSeen(reader, settings, now));
  const behind = seen.filter((reader) => behindOn(reader, current).length > 0);
  return { seen: seen.length, behind: behind.map(({ name }) => name).sort() };
}

function shownOne(
  application: Application,
  state: ApplicationState,
  settings: MountSettings,
  readers: JsonObject,
): JsonObject {
  const { client } = state.kinds;
  return {
    id: application.id,
    username: application.username,
    ...common(application, state, settings),
    provider: application.provider,
    client_id: client.current?.id ?? null,
    deletion_time: timeOrNull(deletionAt(application, state, settings)),
    requests_made: application.request.count,
    requests_served: state.served,
    retry_time: timeOrNull(state.retryAt === 0 ? null : state.retryAt),
    targets: standingTargets(application, state).map(({ address, versions, current, wanted }) => ({
      address,
      user_version: versions.user ?? null,
      client_version: versions.client ?? null,
      current,
      wanted,
    })),
    readers,
    problems: state.problems.map(shownProblem),
  };
}

function common(application: Application, state: ApplicationState, settings: MountSettings): JsonObject {
  const targets = standingTargets(application, state).filter(({ wanted }) => wanted);
  const versions = wantedVersions(state);
  // As the settings are now; what the state says is of when it was written.
  const next = (kind: CredentialKind) =>
    application.active ? rotationAt(kind, state.kinds[kind], application, settings) : null;
  return {
    team: application.team,
    active: application.active,
    inactive_since: timeOrNull(application.inactiveSince),
    deleted: application.deleted,
    paused: application.paused || settings.paused,
    user: state.user,
    password: shownKind(state.kinds.password, versions.user, next('password')),
    client: shownKind(state.kinds.client, versions.client, next('client')),
    targets_current: targets.filter(({ current }) => current).length,
    targets_total: targets.length,
    problem: state.problems[0]?.message ?? null,
    failures: state.failures,
    synced_time: timeOrNull(state.syncedAt),
    modified_time: new Date(application.modifiedAt).toISOString(),
  };
}

function shownKind(state: KindState, version: string | undefined, next: number | null): JsonObject {
  return {
    step: state.step,
    step_time: timeOrNull(state.stepSince === 0 ? null : state.stepSince),
    overlap_end: state.step === 'overlap' ? timeOrNull(state.overlapUntil) : null,
    generation: state.generation,
    version: version ?? null,
    last_rotation: timeOrNull(state.rotatedAt),
    next_rotation: timeOrNull(next),
    emergency: state.emergency,
  };
}

function shownProblem({ code, message, target, since }: Problem): JsonObject {
  return { code, message, target: target ?? null, since: new Date(since).toISOString() };
}

/** Applications in one answer, also where no limit is set. */
const mostShown = 500;
/** Records that a store reads in one snapshot. */
const statesAtOnce = 64;

function allStatus(): Endpoint {
  return endpoint({
    pattern: 'status',
    help: `How the applications of the mount stand, in order of their ids, ${mostShown} at most: where next is not null, ask again with it as after, also where few or none are shown. And how its registry does.`,
    fields: {
      ...pageFields,
      resource_type_id: { type: 'string', help: 'Only those with a scope of this type.', query: true },
      scope_id: { type: 'string', help: 'Only those with a scope of this id.', query: true },
    },
    operations: {
      read: {
        summary: 'Show how all applications stand',
        response: {
          keys: { type: 'list' },
          key_info: { type: 'object', members: { '*': { type: 'object', members: commonSchema } } },
          next: { type: 'string', nullable: true, help: 'The last one shown, where there are more.' },
          paused: { type: 'bool', help: 'All rotation of the mount.' },
          registry: { type: 'object', members: registrySchema },
        },
        handle: async (call) => {
          const { after, limit, resource_type_id: type = '', scope_id: scope = '' } = call.fields;
          checkAfter(after);
          const hasScope = (application: Application) =>
            (type === '' && scope === '') ||
            application.scopes.some(
              ({ resourceType, id }) =>
                (type === '' || type === resourceType) && (scope === '' || scope === id),
            );
          return { data: await shownAll(call.view, hasScope, after, limit) };
        },
      },
    },
  });
}

async function shownAll(
  view: View,
  isWanted: (application: Application) => boolean,
  after = '',
  limit = 0,
): Promise<JsonObject> {
  const { settings } = await readSettings(view);
  const most = limit > 0 ? Math.min(limit, mostShown) : mostShown;
  const page = await view.range(applicationFolder, {
    limit: most,
    ...(after === '' ? {} : { after: applicationFolder + after }),
  });
  const applications = page.items.map((record) => decodeApplication(record.open())).filter(isWanted);
  const info = emptyObject();
  for (let at = 0; at < applications.length; at += statesAtOnce) {
    const piece = applications.slice(at, at + statesAtOnce);
    const states = await view.readMany(piece.map(({ id }) => statePath(id)));
    for (const [index, application] of piece.entries()) {
      const record = states[index];
      const state = record === undefined ? noState : decodeState(record.open());
      info[application.id] = common(application, state, settings);
    }
  }
  return {
    keys: applications.map(({ id }) => id),
    key_info: info,
    next: page.next === undefined ? null : page.next.slice(applicationFolder.length),
    paused: settings.paused,
    registry: shownRegistry(settings, await readRegistryState(view)),
  };
}

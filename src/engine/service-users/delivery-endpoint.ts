/** `apps/:id/delivery`: what an application's owners say of it. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { wantedAddress } from '../../delivery/target.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Application, WantedTarget } from './application.ts';
import {
  checkPeriods,
  mostTargets,
  ownDuration,
  parseClusters,
  parseRedirectUrl,
  parseScopes,
} from './application-fields.ts';
import {
  type Change,
  changeApplication,
  findApplication,
  present,
  unknownApplication,
} from './applications.ts';
import { readSettings } from './config-endpoint.ts';
import { type MountSettings, settingsPath } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import { by, idOf } from './registration-endpoints.ts';
import { clustersSchema, scopesSchema, shownScopes } from './shown.ts';
import { mustBeOfTeam } from './team-rule.ts';

const fields = {
  targets: {
    type: 'list',
    help: `Addresses of where its credentials go, at most ${mostTargets}: a bucket’s name or s3://…, kv:…, directory:… and others. Replaces what was there.`,
  },
  scopes: {
    type: 'any',
    help: 'What its user may ask for: texts such as customer.read_all, or objects of resource_type_id and scope_id.',
  },
  confidential: { type: 'bool', help: 'Whether its OAuth client has a secret.' },
  redirect_url: { type: 'string', help: 'https; empty takes it away.' },
  password_period: { type: 'duration', help: 'In place of the mount’s; 0 is as the mount has it.' },
  client_period: { type: 'duration', help: 'The same for its OAuth client.' },
  overlap: {
    type: 'duration',
    help: 'How long old credentials stay good, in place of the mount’s; 0 is as the mount has it.',
  },
  kubernetes_clusters: { type: 'list', help: 'Kept for clients of mint’s API, and not used.' },
} as const;

type DeliveryCall = Call & { readonly fields: FieldValues<typeof fields> };

const response = {
  targets: { type: 'list', help: 'Addresses, each in its one spelling.' },
  scopes: scopesSchema,
  confidential: { type: 'bool' },
  redirect_url: { type: 'string', nullable: true },
  password_period: { type: 'duration', nullable: true, help: 'Null is as the mount has it.' },
  client_period: { type: 'duration', nullable: true },
  overlap: { type: 'duration', nullable: true },
  kubernetes_clusters: clustersSchema,
} as const;

export function deliveryEndpoint(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'apps/:id/delivery',
    help: 'Where an application’s credentials go and what they are good for. Of an application that has a team, this is for members of that identity group and nobody else.',
    fields,
    operations: {
      read: {
        summary: 'Show where credentials go',
        response,
        handle: async (call) => {
          const id = idOf(call);
          const found = await findApplication(call.view, id);
          if (found === undefined) throw unknownApplication(id);
          mustBeOfTeam(found.application, call.caller);
          return { data: shown(found.application) };
        },
      },
      update: { summary: 'Say where credentials go', handle: (call) => write(parts, call) },
    },
  });
}

function shown(application: Application): JsonObject {
  return {
    targets: application.targets.map(({ address }) => address),
    scopes: shownScopes(application.scopes),
    confidential: application.confidential,
    redirect_url: application.redirectUrl,
    password_period: application.passwordPeriod,
    client_period: application.clientPeriod,
    overlap: application.overlap,
    kubernetes_clusters: application.kubernetesClusters,
  };
}

async function write(parts: ServiceUsersParts, call: DeliveryCall): Promise<undefined> {
  const id = idOf(call);
  const { view, clock } = call;
  const now = clock.now();
  await changeApplication({ view, now, random: parts.environment.random }, id, async (found) => {
    const before = present(id, found);
    mustBeOfTeam(before, call.caller);
    const { settings, revision } = await readSettings(view);
    const change = changed(parts, before, settings, call);
    return change === undefined ? undefined : { ...change, expectations: [{ path: settingsPath, revision }] };
  });
  return undefined;
}

/** What was not sent stays; undefined where nothing changes. */
function changed(
  parts: ServiceUsersParts,
  before: Application,
  settings: MountSettings,
  { fields: sent, caller }: DeliveryCall,
): Change | undefined {
  const entityId = caller?.entityId ?? '';
  const after: Application = {
    ...before,
    targets: sent.targets === undefined ? before.targets : parseTargets(parts, sent.targets, entityId),
    scopes: sent.scopes === undefined ? before.scopes : parseScopes(sent.scopes),
    confidential: sent.confidential ?? before.confidential,
    redirectUrl: sent.redirect_url === undefined ? before.redirectUrl : parseRedirectUrl(sent.redirect_url),
    passwordPeriod: ownDuration(sent.password_period, before.passwordPeriod),
    clientPeriod: ownDuration(sent.client_period, before.clientPeriod),
    overlap: ownDuration(sent.overlap, before.overlap),
    kubernetesClusters:
      sent.kubernetes_clusters === undefined
        ? before.kubernetesClusters
        : parseClusters(sent.kubernetes_clusters),
  };
  const periods = [sent.password_period, sent.client_period, sent.overlap];
  // A mount that has become narrower must not keep owners from changing something else.
  if (periods.some((each) => each !== undefined)) checkPeriods(after, settings);
  const names = changedNames(before, after);
  if (names.length === 0) return undefined;
  return { application: after, events: [{ event: 'changed', detail: `${names.join(', ')}${by(caller)}` }] };
}

const namesOfMembers = {
  targets: 'targets',
  scopes: 'scopes',
  confidential: 'confidential',
  redirectUrl: 'redirect_url',
  passwordPeriod: 'password_period',
  clientPeriod: 'client_period',
  overlap: 'overlap',
  kubernetesClusters: 'kubernetes_clusters',
} as const satisfies { readonly [M in keyof Application]?: string };

function changedNames(before: Application, after: Application): readonly string[] {
  return Object.entries(namesOfMembers)
    .filter(([member]) => {
      const key = member as keyof typeof namesOfMembers;
      return JSON.stringify(before[key]) !== JSON.stringify(after[key]);
    })
    .map(([, name]) => name);
}

/**
 * Every one in its one spelling, with whoever says so now: rights at a target are those of who configured it last, never of somebody who did before.
 */
function parseTargets(
  { targets }: ServiceUsersParts,
  addresses: readonly string[],
  entityId: string,
): readonly WantedTarget[] {
  if (addresses.length > mostTargets) {
    throw new CofferError('invalid_request', `an application has at most ${mostTargets} targets`);
  }
  const spelled = addresses.map((address) => {
    if (address.length > 1_024) {
      throw new CofferError('invalid_request', 'the address of a target has at most 1024 characters');
    }
    return wantedAddress(address, targets, entityId);
  });
  const twice = spelled.find((address, at) => spelled.indexOf(address) !== at);
  if (twice !== undefined) {
    throw new CofferError('invalid_request', `the target ${JSON.stringify(twice)} is there twice`);
  }
  return spelled.map((address) => ({ address, entityId }));
}

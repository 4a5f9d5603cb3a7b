/** Asking for a rotation now, and holding rotation up. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { CredentialKind } from '../../service-user/provider.ts';
import type { Application, RotationRequest } from './application.ts';
import { changeApplication, present } from './applications.ts';
import { readSettings } from './config-endpoint.ts';
import type { ServiceUsersParts } from './parts.ts';
import { by, idOf } from './registration-endpoints.ts';
import { decodeState, statePath } from './state.ts';
import { mustBeOfTeam } from './team-rule.ts';

const rotateFields = {
  kinds: { type: 'list', help: 'password, client; both unless told.' },
  emergency: {
    type: 'bool',
    help: 'The application is compromised: sessions end, and old credentials as soon as the new ones are delivered, without an overlap. A target that has failed for a minute is not waited for.',
  },
} as const;

type RotateCall = Call & { readonly fields: FieldValues<typeof rotateFields> };

export function rotationEndpoints(parts: ServiceUsersParts): readonly Endpoint[] {
  return [rotateEndpoint(parts), pauseEndpoint(parts)];
}

function rotateEndpoint(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'apps/:id/rotate',
    help: 'Has an application’s credentials rotated as soon as may be. For members of its team, where it has one.',
    fields: rotateFields,
    operations: {
      update: {
        summary: 'Rotate credentials now',
        response: { request: { type: 'int', help: 'Served once status says so many or more.' } },
        handle: (call) => rotate(parts, call),
      },
    },
  });
}

async function rotate(parts: ServiceUsersParts, call: RotateCall) {
  const id = idOf(call);
  const kinds = parseKinds(call.fields.kinds);
  const emergency = call.fields.emergency ?? false;
  const { view, clock } = call;
  const now = clock.now();
  const after = await changeApplication(
    { view, now, random: parts.environment.random },
    id,
    async (found) => {
      const before = present(id, found);
      mustBeOfTeam(before, call.caller);
      if (!before.active) {
        throw new CofferError(
          'invalid_request',
          `application ${id} is not active: its credentials are disabled, and new ones come when it is active again`,
        );
      }
      const request = await joined(view, before, { kinds, emergency });
      const detail = `${emergency ? 'emergency rotation' : 'rotation'} of ${kinds.join(', ')} asked for${by(call.caller)}`;
      return { application: { ...before, request }, events: [{ event: 'changed', detail }] };
    },
  );
  const { settings } = await readSettings(view);
  // An emergency is not held up.
  const paused = (settings.paused || after?.paused === true) && after?.request.emergency !== true;
  const warnings = paused ? ['rotation is paused: this waits until it is resumed'] : [];
  return { data: { request: after?.request.count ?? 0 }, ...(paused ? { warnings } : {}) };
}

function parseKinds(sent: readonly string[] | undefined): readonly CredentialKind[] {
  const kinds = sent === undefined || sent.length === 0 ? ['password', 'client'] : [...new Set(sent)];
  if (kinds.every((kind) => kind === 'password' || kind === 'client')) return kinds;
  throw new CofferError('invalid_request', 'kinds are password and client');
}

/** What was asked for before and is not served yet is not forgotten for what is asked for now. */
async function joined(
  view: View,
  { id, request: before }: Application,
  wish: Omit<RotationRequest, 'count'>,
): Promise<RotationRequest> {
  const count = before.count + 1;
  const record = await view.read(statePath(id));
  const served = record === undefined ? 0 : decodeState(record.open()).served;
  if (served >= before.count) return { count, ...wish };
  const kinds = [...new Set([...before.kinds, ...wish.kinds])];
  return { count, kinds, emergency: before.emergency || wish.emergency };
}

function pauseEndpoint(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'apps/:id/pause',
    help: 'Holds up the rotation of an application, or lets it go on. For members of its team, where it has one.',
    fields: { paused: { type: 'bool', help: 'Whether it is to be held up.', required: true } },
    operations: {
      update: {
        summary: 'Pause or resume rotation',
        async handle(call) {
          const id = idOf(call);
          const { view, clock, fields } = call;
          const now = clock.now();
          await changeApplication({ view, now, random: parts.environment.random }, id, (found) => {
            const before = present(id, found);
            mustBeOfTeam(before, call.caller);
            if (before.paused === fields.paused) return undefined;
            const event = fields.paused ? 'paused' : 'resumed';
            return {
              application: { ...before, paused: fields.paused },
              events: [{ event, detail: by(call.caller).trim() }],
            };
          });
          return undefined;
        },
      },
    },
  });
}

/** `sys/mounts/…/tune` and `sys/auth/…/tune`: changing what is mounted already. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Fields, FieldValues } from '../endpoint.ts';
import { coerceFields } from '../field.ts';
import type { CoreRooms } from '../rooms.ts';
import { isBuiltin, tokenType } from './builtin.ts';
import { type ConfiguredMount, configFields, parseConfig } from './config.ts';
import type { MountEntry } from './entry.ts';
import { shownPath } from './mount-path.ts';

export const tuneFields = {
  ...configFields,
  description: { type: 'string', help: 'For people.' },
  options: { type: 'pairs', help: 'The engine’s own options: kv goes from version 1 to 2.' },
} as const satisfies Fields;

export type Tuning = FieldValues<typeof tuneFields>;

/** For paths that the endpoint with these fields does not take. Throws `invalid_request`. */
export function coerceTuning(sent: JsonObject): Tuning {
  return coerceFields(tuneFields, sent).values as Tuning;
}

/**
 * Changes what was sent and leaves the rest. Throws `invalid_request`, and then nothing is changed: of the mounts that every store
 * has, `auth/token/` alone has settings.
 */
export async function tuneMount(rooms: CoreRooms, entry: MountEntry, tuning: Tuning): Promise<undefined> {
  if (isBuiltin(entry.type) && entry.type !== tokenType) {
    throw new CofferError('invalid_request', `tune of path "${shownPath(entry)}" denied`);
  }
  const { description, options, ...config } = tuning;
  const sent: JsonObject = Object.fromEntries(
    Object.entries(config).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  if (description === undefined && options === undefined && Object.keys(sent).length === 0) return;
  const mount = configured(rooms, entry);
  await rooms.mounts.change(entry.path, {
    description,
    options,
    config: (before) => parseConfig(sent, mount, before),
  });
}

/** What the settings of a mount are for. */
export function configured(
  { mounts }: Pick<CoreRooms, 'mounts'>,
  { kind, type }: Pick<MountEntry, 'kind' | 'type'>,
): ConfiguredMount {
  return {
    kind,
    type,
    system: mounts.system,
    locksNames: kind === 'auth' && mounts.locksNames(type),
    makesAnyToken: type === tokenType,
  };
}

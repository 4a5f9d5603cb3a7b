/** `sys/mounts/…/tune` and `sys/auth/…/tune`: changing what is mounted already. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Fields, FieldValues } from '../endpoint.ts';
import { coerceFields } from '../field.ts';
import type { CoreRooms } from '../rooms.ts';
import { isBuiltin } from './builtin.ts';
import { configFields, parseConfig } from './config.ts';
import type { MountEntry } from './entry.ts';
import { shownPath } from './mounts.ts';

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

/** Changes what was sent and leaves the rest. Throws `invalid_request`, and then nothing is changed. */
export async function tuneMount(rooms: CoreRooms, entry: MountEntry, tuning: Tuning): Promise<undefined> {
  if (isBuiltin(entry.type)) {
    throw new CofferError('invalid_request', `"${shownPath(entry)}" cannot be tuned`);
  }
  const { description, options, ...config } = tuning;
  const sent = Object.fromEntries(
    Object.entries(config).filter((setting): setting is [string, string] => setting[1] !== undefined),
  );
  if (description === undefined && options === undefined && Object.keys(sent).length === 0) return;
  await rooms.mounts.change(entry.path, {
    description,
    options,
    config: (before) => parseConfig(sent, before, entry.kind),
  });
}

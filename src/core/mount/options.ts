/** A mount's options, whose meaning only its engine knows. */
import type { EngineOptions, EngineRow, OptionsChange } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { MountEntry } from './entry.ts';
import type { MountTypes, NewMount } from './mounts.ts';

/** The options to store for a new mount. Throws `invalid_request` for an unknown type, or options that its engine does not take. */
export async function parseOptions(
  types: MountTypes,
  { kind, type, options }: Pick<NewMount, 'kind' | 'type' | 'options'>,
): Promise<EngineOptions | null> {
  const engine = kind === 'secret' ? types.engines.get(type) : undefined;
  if (engine !== undefined) return orNull((await engine.load()).parseOptions(options));
  const method = kind === 'auth' ? types.authMethods.get(type) : undefined;
  // What cannot be loaded is not to be in the table, which then could not be.
  if (method !== undefined) return method.load().then(() => null);
  const what = kind === 'auth' ? 'auth method' : 'engine';
  throw new CofferError(
    'invalid_request',
    `plugin not found in the catalog: unknown ${what} "${type.slice(0, 60)}"`,
  );
}

/** Undefined where none are to change. Throws `invalid_request` for a change that the engine does not take. */
export async function changeOptions(
  engines: ReadonlyMap<string, EngineRow>,
  entry: MountEntry,
  wanted: EngineOptions | undefined,
): Promise<OptionsChange | undefined> {
  if (wanted === undefined) return undefined;
  const type = entry.kind === 'secret' ? await engines.get(entry.type)?.load() : undefined;
  const before = entry.options ?? {};
  if (type?.changeOptions !== undefined) return type.changeOptions(before, wanted);
  if (Object.entries(wanted).every(([name, value]) => before[name] === value)) return undefined;
  throw new CofferError('invalid_request', `the options of "${entry.type}" cannot be changed`);
}

/** No options at all are null, as the wire has them. */
export function orNull(options: EngineOptions): EngineOptions | null {
  return Object.keys(options).length === 0 ? null : options;
}

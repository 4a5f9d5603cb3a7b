/** The dialects that the settings of listeners name. */
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Dialect } from '../http/dialect/dialect.ts';
import { dialectTypes } from './catalog.ts';

/** The server's own wire. */
export const ownWire = 'vault';

/** @param text a name with options, as in `dssss?secrets=shop`; undefined for the server's own wire. Throws `usage`. */
export function openDialect(text: string): Dialect | undefined {
  const mark = text.indexOf('?');
  const name = mark === -1 ? text : text.slice(0, mark);
  const options = new URLSearchParams(mark === -1 ? '' : text.slice(mark + 1));
  const names = [...options.keys()];
  const twice = names.find((each, at) => names.indexOf(each) !== at);
  if (twice !== undefined) throw new CofferError('usage', `dialect ${name} has the option ${twice} twice`);
  const known = [ownWire, ...dialectTypes.map((type) => type.name)];
  if (!known.includes(name)) {
    throw new CofferError('usage', `there is no dialect ${name}; there are ${known.join(', ')}`);
  }
  if (name === ownWire && names.length > 0) {
    throw new CofferError('usage', `dialect ${ownWire} takes no options`);
  }
  return dialectTypes.find((type) => type.name === name)?.open(Object.fromEntries(options));
}

/** Dialects that cannot be, each at the place where it was said. */
export function dialectProblems({ settings, found }: Loaded): readonly Problem[] {
  const origins = found.filter(({ name }) => /^listener\[\d+\]\.dialect$/.test(name));
  return settings.listeners.flatMap(({ dialect }, index) => {
    try {
      openDialect(dialect);
      return [];
    } catch (error) {
      const origin = origins[index]?.origin;
      return origin === undefined ? [] : [origin.problem(asCofferError(error).message)];
    }
  });
}

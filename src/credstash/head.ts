/** What is known of a version without opening it. */
import type { WrittenFormat } from './format.ts';
import { formatOf } from './formats.ts';
import { type Item, keyOf, optionalNumber, optionalText } from './item.ts';
import { type ItemState, isOverdue, stateOf } from './item-state.ts';
import { versionNumber } from './version.ts';

export interface Head {
  readonly name: string;
  /** Undefined where the text is no number. */
  readonly version: number | undefined;
  readonly versionText: string;
  readonly state: ItemState;
  /** Milliseconds since 1970; the old formats know none. */
  readonly created: number | undefined;
  readonly comment: string | undefined;
  readonly family: WrittenFormat | undefined;
  /** Of the key that it shares with other items; undefined where it has one of its own. */
  readonly epoch: string | undefined;
  /** Deleted, past its time to come back, and its value is still there. */
  readonly overdue: boolean;
}

/**
 * What an item says of itself at a time in milliseconds. Never throws for what it says of its format: a list must not end at one
 * bad item.
 */
export function headOf(item: Item, now: number): Head {
  const { name, version } = keyOf(item);
  const family = familyOf(item);
  const own = family === 'coffer';
  return {
    name,
    version: versionNumber(version),
    versionText: version,
    // Old programs know no marks: with them such an item is live, and so it is here.
    state: own ? believed(() => stateOf(item, now), { kind: 'live' }) : { kind: 'live' },
    created: own ? believed(() => optionalNumber(item, 'created'), undefined) : undefined,
    comment: item['comment']?.S,
    family,
    epoch: own ? believed(() => optionalText(item, 'epoch'), undefined) : undefined,
    overdue: own && believed(() => isOverdue(item, now), false),
  };
}

/** What an item says, or what is taken in place of something malformed: opening it tells that. */
function believed<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function familyOf(item: Item): WrittenFormat | undefined {
  try {
    return formatOf(item).family;
  } catch {
    return undefined;
  }
}

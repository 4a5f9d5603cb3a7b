/**
 * What a table says of itself, in one item of the name `!coffer`. Nothing authenticates it: it chooses how new items are written,
 * and opens nothing. Who does not trust the table's other writers names the format in the safe (`format=coffer`): then nothing else
 * is written or read, and no data key is taken that another writer made, whatever stands here. Tables of the old programs have no such item: it would be a secret to them.
 */
import { CofferError } from '../errors.ts';
import { type WrittenFormat, writtenFormats } from './format.ts';
import { formatOf } from './formats.ts';
import { headOf } from './head.ts';
import { type Item, optionalNumber, ownName, textOf } from './item.ts';
import type { ItemStore } from './item-store.ts';

export interface TableSettings {
  readonly format: WrittenFormat;
  /** How long a deleted version can come back. */
  readonly undeleteDays: number;
  /** Days that one data key serves new items; undefined gives each item its own. */
  readonly epochDays?: number | undefined;
}

export const usualUndeleteDays = 30;
/** Ten years: a time that is meant. */
export const mostDays = 3_650;
export const settingsKey = { name: ownName, version: 'settings' } as const;
/** Items looked at to see what a table without settings holds. */
const sample = 8;

export function settingsItem({ format, undeleteDays, epochDays }: TableSettings): Item {
  return {
    name: { S: settingsKey.name },
    version: { S: settingsKey.version },
    format: { S: format },
    undelete_days: { N: String(undeleteDays) },
    ...(epochDays === undefined ? {} : { epoch_days: { N: String(epochDays) } }),
  };
}

/**
 * The table's own word; otherwise what its items are; Coffer's own format in an empty one. Throws `integrity`.
 *
 * @param format what the caller decided, before all of these
 */
export async function readSettings(store: ItemStore, format?: WrittenFormat): Promise<TableSettings> {
  const item = await store.read(settingsKey);
  if (item === undefined) {
    return { format: format ?? (await formatInUse(store)), undeleteDays: usualUndeleteDays };
  }
  const settings = parseSettings(item);
  return format === undefined ? settings : { format, undeleteDays: settings.undeleteDays };
}

function parseSettings(item: Item): TableSettings {
  const format = textOf(item, 'format');
  const known = writtenFormats.find((each) => each === format);
  if (known === undefined) {
    throw new CofferError(
      'integrity',
      `the table's settings name a format that is not known here: ${JSON.stringify(format.slice(0, 40))}`,
    );
  }
  return {
    format: known,
    undeleteDays: optionalDays(item, 'undelete_days') ?? usualUndeleteDays,
    epochDays: optionalDays(item, 'epoch_days'),
  };
}

function optionalDays(item: Item, attribute: string): number | undefined {
  const days = optionalNumber(item, attribute);
  if (days === undefined || (days >= 1 && days <= mostDays)) return days;
  throw new CofferError(
    'integrity',
    `the table's settings are not as they were written: "${attribute}" is out of bounds`,
  );
}

async function formatInUse(store: ItemStore): Promise<WrittenFormat> {
  let seen = 0;
  let strange: Item | undefined;
  for await (const item of store.scan('head')) {
    // One item of nobody knows what program does not keep everybody from writing.
    const family = item['name']?.S === ownName ? undefined : headOf(item, 0).family;
    if (family !== undefined) return family;
    if (item['name']?.S !== ownName) strange ??= item;
    seen++;
    if (seen === sample) break;
  }
  return strange === undefined ? 'coffer' : formatOf(strange).family;
}

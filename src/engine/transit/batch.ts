/** One input or many: items are read at the edge, dealt with in order, and answered in order. */
import type { Call, Reply, ResponseField, ResponseSchema } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';

/** What every endpoint that takes many inputs has besides its own fields. */
export const batchFields = {
  batch_input: {
    type: 'any',
    help: 'A list of objects with the fields above, at most 10,000, in place of them. Answered in order, each with its reference.',
    sensitive: true,
  },
  partial_failure_response_code: {
    type: 'int',
    help: 'Status of the answer when some items succeeded and some failed; 400 when not given.',
  },
} as const;

/** The answer to one input, or to a list of them. */
export function batchSchema(one: ResponseSchema): ResponseSchema {
  const optional = Object.fromEntries(
    Object.entries(one).map(([name, field]): [string, ResponseField] => [name, { ...field, optional: true }]),
  );
  const items: ResponseSchema = {
    ...optional,
    error: { type: 'string', optional: true },
    reference: { type: 'string', optional: true },
  };
  return { ...optional, batch_results: { type: 'list', items, optional: true } };
}

/** The texts of one item, by name. */
export interface Item {
  readonly index: number;
  readonly texts: Readonly<Record<string, string>>;
  readonly keyVersion: number | undefined;
}

/** Items of one request: each costs time on the one thread that serves everybody. */
export const mostItems = 10_000;
/** Items between two looks at other requests. */
const stride = 100;
/** The same where each takes a private key. */
const slowStride = 4;

type BatchCall = Call & { readonly fields: Readonly<Record<string, unknown>> };

/**
 * The items of a request: its batch, or else the one that its own fields make.
 * @param names texts that an item may have; those of `needed` each item of a batch must have, with the words for a lack of it
 */
export function readItems(
  call: BatchCall,
  names: readonly string[],
  needed: Readonly<Record<string, string>> = {},
): { readonly items: readonly Item[]; readonly batch: boolean } {
  const sent = call.fields['batch_input'] as JsonValue | undefined;
  if (sent === undefined) return { items: [singleItem(call.fields, names)], batch: false };
  if (!Array.isArray(sent)) throw unreadable('it is a list of objects');
  if (sent.length === 0) throw new CofferError('invalid_request', 'missing batch input to process');
  if (sent.length > mostItems) throw unreadable(`it has at most ${mostItems} items`);
  return { items: sent.map((item: JsonValue, index) => readItem(item, index, names, needed)), batch: true };
}

function singleItem(fields: Readonly<Record<string, unknown>>, names: readonly string[]): Item {
  const texts: Record<string, string> = {};
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string') texts[name] = value;
  }
  const version = fields['key_version'];
  return { index: 0, texts, keyVersion: typeof version === 'number' ? version : undefined };
}

function readItem(
  item: JsonValue,
  index: number,
  names: readonly string[],
  needed: Readonly<Record<string, string>>,
): Item {
  if (!isJsonObject(item)) throw unreadable(`[${index}] expected a map`);
  const texts: Record<string, string> = {};
  for (const name of [...names, 'reference']) {
    const value = Object.hasOwn(item, name) ? item[name] : undefined;
    if (typeof value === 'string') texts[name] = value;
    else if (value !== undefined && value !== null)
      throw unreadable(`'[${index}].${name}' expected type 'string'`);
    else if (needed[name] !== undefined) throw unreadable(`'[${index}].${name}' ${needed[name]}`);
  }
  return { index, texts, keyVersion: itemVersion(item, index) };
}

function itemVersion(item: JsonObject, index: number): number | undefined {
  const sent = Object.hasOwn(item, 'key_version') ? item['key_version'] : undefined;
  if (sent === undefined || sent === null) return undefined;
  const number = typeof sent === 'string' && /^-?\d{1,9}$/.test(sent) ? Number(sent) : sent;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw unreadable(`'[${index}].key_version' expected type 'int'`);
}

function unreadable(why: string): CofferError {
  return new CofferError('invalid_request', `failed to parse batch input: ${why}`);
}

/** All items or none have a context: a batch is for one key, which is derived or is not. */
export function checkContexts(items: readonly Item[]): void {
  const first = hasContext(items[0]);
  if (items.every((item) => hasContext(item) === first)) return;
  throw new CofferError(
    'invalid_request',
    'context should be set either in all the request blocks or in none',
  );
}

export function hasContext(item: Item | undefined): boolean {
  return (item?.texts['context'] ?? '') !== '';
}

export interface BatchWork {
  readonly items: readonly Item[];
  readonly batch: boolean;
  /** Each takes long enough that others are let in more often. */
  readonly slow: boolean;
  /** Throws `invalid_request` for what is wrong with this item alone; all else ends the request. */
  readonly each: (item: Item) => Promise<JsonObject>;
}

/** Deals with all items. Of one input what is wrong is thrown; of a batch it stands in its place. */
export async function replyTo(call: BatchCall, work: BatchWork): Promise<Reply> {
  const [only] = work.items;
  if (!work.batch && only !== undefined) return { data: await work.each(only) };
  const results: JsonObject[] = [];
  let failures = 0;
  const every = work.slow ? slowStride : stride;
  for (const item of work.items) {
    if (item.index > 0 && item.index % every === 0) await letOthersIn(call);
    const result = await attempt(work, item);
    if (Object.hasOwn(result, 'error')) failures += 1;
    const reference = item.texts['reference'];
    results.push(reference === undefined ? result : { ...result, reference });
  }
  const status = statusOf(call, failures, results.length);
  return { data: { batch_results: results }, ...status };
}

async function attempt(work: BatchWork, item: Item): Promise<JsonObject> {
  try {
    return await work.each(item);
  } catch (error) {
    if (error instanceof CofferError && error.code === 'invalid_request') return { error: error.message };
    throw error;
  }
}

/** A turn of the event loop. Throws once nobody waits for the answer any more. */
async function letOthersIn(call: Call): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (call.signal().aborted) throw new CofferError('unavailable', 'the request took too long');
}

function statusOf(call: BatchCall, failures: number, count: number): Pick<Reply, 'status' | 'warnings'> {
  if (failures === 0) return {};
  const wanted = call.fields['partial_failure_response_code'];
  if (typeof wanted !== 'number' || failures === count) return { status: 400 };
  // Below 200 HTTP knows no answers, and these two have no body.
  if (wanted >= 200 && wanted <= 599 && wanted !== 204 && wanted !== 304) return { status: wanted };
  return {
    status: 400,
    warnings: ['invalid HTTP response code override from partial_failure_response_code, reverting to 400'],
  };
}

/** Lists of entities, groups and aliases: by id with what they are, and by name. */
import type { BarrierStore, KeyedSealedRecord } from '../../barrier/store.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Reply, ResponseSchema } from '../endpoint.ts';
import { gather, itemsAfter, type ListWish, pageFields } from '../list-page.ts';
import type { AnswerData } from '../request.ts';
import { nameInKey } from './names.ts';
import { decodePointer, type NamePointer } from './record.ts';

/** Items in one answer: each says what it is, so an answer has fewer of them than of bare names. */
const mostListed = 100_000;

const listSchema = {
  keys: { type: 'list' },
  key_info: { type: 'object', optional: true, help: 'What each of them is, by its id.' },
} as const satisfies ResponseSchema;

/** @param info what is said of an item, or undefined where it is no item any more */
export function listById(
  store: BarrierStore,
  list: {
    readonly pattern: string;
    readonly summary: string;
    readonly prefix: string;
    readonly info: (record: KeyedSealedRecord) => Promise<AnswerData | undefined>;
  },
): Endpoint {
  return coreEndpoint({
    pattern: list.pattern,
    help: `${list.summary}.`,
    fields: pageFields,
    operations: {
      list: {
        summary: list.summary,
        response: listSchema,
        handle: (call: CoreCall<typeof pageFields>) => byId(store, list, call.fields),
      },
    },
  });
}

async function byId(
  store: BarrierStore,
  { prefix, info }: Parameters<typeof listById>[1],
  wish: ListWish,
): Promise<Reply> {
  const all = recordsBelow(store, prefix, wish, (id) => id);
  const described = (async function* () {
    for await (const record of all) {
      const said = await info(record);
      if (said !== undefined) yield { id: record.key.slice(prefix.length), said };
    }
  })();
  const { items, ...rest } = await gather(described, wish, mostListed);
  return {
    data: {
      keys: items.map(({ id }) => id),
      key_info: Object.fromEntries(items.map(({ id, said }) => [id, said])) as AnswerData,
    },
    ...rest,
  };
}

/** Names as they were given. Pages go by their folded forms. */
export function listByName(
  store: BarrierStore,
  list: { readonly pattern: string; readonly summary: string; readonly prefix: string },
): Endpoint {
  return coreEndpoint({
    pattern: list.pattern,
    help: `${list.summary}.`,
    fields: pageFields,
    operations: {
      list: {
        summary: list.summary,
        response: { keys: { type: 'list' } },
        handle: async ({ fields }: CoreCall<typeof pageFields>): Promise<Reply> => {
          const all = recordsBelow(store, list.prefix, fields, nameInKey);
          const { items, ...rest } = await gather(all, fields, mostListed);
          const names = items.map((record) => decodePointer<NamePointer>(record.open()).name);
          const whole = fields.limit === undefined && fields.after === undefined;
          return { data: { keys: whole ? names.toSorted() : names }, ...rest };
        },
      },
    },
  });
}

/** @param inKey the last part of the key of what a caller names */
function recordsBelow(
  store: BarrierStore,
  prefix: string,
  { limit, after }: ListWish,
  inKey: (name: string) => string,
): AsyncGenerator<KeyedSealedRecord> {
  const start = after === undefined || after === '' ? undefined : prefix + inKey(after);
  return itemsAfter((page) => store.range(prefix, page), { limit, after: start });
}

/**
 * Enrolment with no server in reach: people put requests into a table, and whoever administers has them taken over. Each is decided in the
 * request of the administrator, whose audit lines name who did it and everything that came of it.
 */
import type { AwsPlaces } from '../../aws/aws-places.ts';
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { parseItem, type WaitingRequest } from '../../inbox/enrolment-request.ts';
import { type InboxPage, type InboxServices, openInbox } from '../../inbox/inbox-table.ts';
import { addressOf, type InboxConfig, inboxConfigEndpoint, readInboxConfig } from './inbox-config.ts';
import type { TotpRooms } from './rooms.ts';
import { decide, type Fate, finishEarlier, nameOfRequest, settle, type Taking } from './taking.ts';

export type OpenInbox = (...words: Parameters<typeof openInbox>) => InboxServices;

interface Inbox {
  readonly rooms: TotpRooms;
  readonly places: AwsPlaces;
  readonly open: OpenInbox;
}

const usualPage = 20;
const longestPage = 100;
/** Characters: DynamoDB's keys have 3 KiB at most. */
const longestAfter = 16_384;

const pageFields = {
  after: { type: 'string', help: 'Go on where an answer’s `next` says.' },
  limit: { type: 'int', help: `Most items to look at; ${usualPage}, at most ${longestPage}.` },
} as const;

type PageCall = Call & { readonly fields: FieldValues<typeof pageFields> };

const pageEnd = {
  unreadable: {
    type: 'int',
    help: 'Items that are no requests, were changed, or are of another key or account; they are left alone.',
  },
  next: { type: 'string', optional: true, help: 'There may be more behind this one.' },
} as const;

const nameSchema = { issuer: { type: 'string' }, account: { type: 'string' } } as const;

/** @param open in place of AWS's own, in tests */
export function inboxEndpoints(
  rooms: TotpRooms,
  places: AwsPlaces,
  open: OpenInbox = openInbox,
): readonly Endpoint[] {
  const inbox = { rooms, places, open };
  return [inboxConfigEndpoint(places), waitingEndpoint(inbox), takeEndpoint(inbox)];
}

function waitingEndpoint(inbox: Inbox): Endpoint {
  return endpoint({
    pattern: 'inbox',
    help: 'Shows requests of enrolment that wait, as their items say; nothing of that is proven before they are taken over.',
    fields: pageFields,
    operations: {
      read: {
        summary: 'Show requests that wait',
        spendsFirst: true,
        response: {
          waiting: {
            type: 'list',
            items: {
              ...nameSchema,
              roles: { type: 'list' },
              authorizers: { type: 'list' },
              created_time: { type: 'string' },
            },
          },
          ...pageEnd,
        },
        handle: (call) =>
          withInbox(inbox, call, async (_, services) => {
            const page = await readPage(services, call.fields);
            return { data: { waiting: page.requests.map(shown), ...endOf(page, page.unreadable) } };
          }),
      },
    },
  });
}

function shown({ request: { issuer, account, roles, authorizers, createdAt } }: WaitingRequest) {
  return { issuer, account, roles, authorizers, created_time: new Date(createdAt).toISOString() };
}

function takeEndpoint(inbox: Inbox): Endpoint {
  return endpoint({
    pattern: 'inbox/take',
    help: 'Takes over requests of enrolment: makes accounts that are not there yet, with their device, and changes none that is. What is taken or refused leaves the table.',
    fields: pageFields,
    operations: {
      update: {
        summary: 'Take requests over',
        spendsFirst: true,
        response: {
          taken: { type: 'list', items: { ...nameSchema, roles: { type: 'list' } } },
          finished: {
            type: 'list',
            items: { ...nameSchema, roles: { type: 'list' } },
            help: 'Taken by an earlier request, which was cut off before it could tell.',
          },
          refused: { type: 'list', items: { ...nameSchema, reason: { type: 'string' } } },
          ...pageEnd,
        },
        handle: (call) =>
          withInbox(inbox, call, (config, services) =>
            take({ rooms: inbox.rooms, call, config, services }, call.fields),
          ),
      },
    },
  });
}

async function withInbox(
  { places, open }: Inbox,
  call: PageCall,
  action: (config: InboxConfig, services: InboxServices) => Promise<Reply>,
): Promise<Reply> {
  const config = await readInboxConfig(call.view);
  if (config === undefined) {
    throw new CofferError('invalid_request', 'this mount has no inbox yet: write config/inbox first');
  }
  const { env, deadline } = places;
  const services = open(addressOf(config, places), { env, deadline, signal: call.signal() });
  try {
    return await action(config, services);
  } finally {
    services.close();
  }
}

interface ReadRequests {
  readonly requests: readonly WaitingRequest[];
  readonly unreadable: number;
  readonly next: InboxPage['next'];
}

async function readPage(
  { table }: InboxServices,
  { after, limit = usualPage }: PageCall['fields'],
): Promise<ReadRequests> {
  if (limit < 1 || limit > longestPage) {
    throw new CofferError('invalid_request', `limit is 1 to ${longestPage}`);
  }
  const { items, next } = await table.page(limit, after === undefined ? undefined : decodeAfter(after));
  const requests = items
    .map(parseItem)
    .filter((each) => each !== undefined)
    .filter((each) => nameOfRequest(each) !== undefined);
  return { requests, unreadable: items.length - requests.length, next };
}

function endOf({ next }: Pick<ReadRequests, 'next'>, unreadable: number) {
  return { unreadable, ...(next === undefined ? {} : { next: encodeAfter(next) }) };
}

function encodeAfter(key: NonNullable<InboxPage['next']>): string {
  const names = [key['issuer']?.S ?? '', key['account_name']?.S ?? ''];
  return Buffer.from(JSON.stringify(names)).toString('base64url');
}

/** Base64url of the two names of an item, as JSON. Throws `invalid_request`. */
function decodeAfter(text: string): InboxPage['next'] {
  if (text === '') return undefined;
  const names: unknown = text.length > longestAfter ? undefined : parsedJson(text);
  const [issuer, account]: readonly unknown[] = Array.isArray(names) ? names : [];
  if (typeof issuer !== 'string' || typeof account !== 'string' || issuer === '' || account === '') {
    throw new CofferError('invalid_request', 'after is what an earlier answer said as next');
  }
  return { issuer: { S: issuer }, account_name: { S: account } };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

type Decided = { readonly waiting: WaitingRequest; readonly fate: Fate };

/** One page. Where something is away in the middle, what was done until then is the answer, and a warning; the rest waits. */
async function take(taking: Taking, fields: PageCall['fields']): Promise<Reply> {
  const finished: { issuer: string; account: string; roles: readonly string[] }[] = [];
  const decided: Decided[] = [];
  const warnings = new Set<string>();
  let page: ReadRequests = { requests: [], unreadable: 0, next: undefined };
  try {
    await finishEarlier(taking, ({ issuer, account, roles }) => finished.push({ issuer, account, roles }));
    page = await readPage(taking.services, fields);
    for (const waiting of page.requests) {
      const fate = await decide(taking, waiting);
      decided.push({ waiting, fate });
      if (fate.kind === 'unreadable' && fate.why !== undefined) warnings.add(fate.why);
      await settle(taking, waiting.request, fate);
    }
  } catch (error) {
    if (!(error instanceof CofferError) || (decided.length === 0 && finished.length === 0)) throw error;
    warnings.add(`not all that waits was looked at: ${error.message}`);
    page = { ...page, next: undefined };
  }
  const unreadable = page.unreadable + decided.filter(({ fate }) => fate.kind === 'unreadable').length;
  const data = { ...outcomesOf(decided), finished, ...endOf(page, unreadable) };
  return { data, durable: true, ...(warnings.size === 0 ? {} : { warnings: [...warnings] }) };
}

function outcomesOf(decided: readonly Decided[]) {
  const taken = decided.filter(({ fate }) => fate.kind === 'taken');
  const refused = decided.flatMap(({ waiting: { request }, fate }) =>
    fate.kind === 'refused'
      ? [{ issuer: request.issuer, account: request.account, reason: fate.reason }]
      : [],
  );
  return {
    taken: taken.map(({ waiting: { request } }) => ({
      issuer: request.issuer,
      account: request.account,
      roles: request.roles,
    })),
    refused,
  };
}

/**
 * `sys/approvals`: requests that wait for consent, shown to those who may give it. `sys/control-group`: the same in the words of
 * Vault's clients. A policy opens these paths, and the rule that wants the approval says whom: both are needed.
 */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields } from '../endpoint.ts';
import { checkAfter } from '../list-page.ts';
import type { CoreRooms } from '../rooms.ts';
import { accessorField } from '../token/name-fields.ts';
import type { ReadToken } from '../token/reader.ts';
import { noRequest } from './approvals.ts';
import {
  approvalSchema,
  authorizeSchema,
  controlGroupFacts,
  controlGroupSchema,
  factsOf,
  lineOf,
  lineSchema,
} from './facts.ts';
import type { ApprovalRecord, Verdict } from './record.ts';
import { parseReason } from './shown.ts';
import { mayDecide } from './standing.ts';

const pathField = { accessor: { type: 'string', help: 'Of the request: its wrapping accessor.' } } as const;
const reasonField = {
  reason: { type: 'string', help: 'Why: one line that the log and the other side see.' },
} as const;

/** Requests that one listing looks at. */
const mostSeen = 1_000;

export function approvalEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [listing(rooms), single(rooms), approval(rooms), denial(rooms), ...controlGroup(rooms)];
}

function listing(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'approvals',
    help: 'Requests that wait for the caller’s consent, or with own for that of others. With sudo on this path, all of them.',
    fields: {
      own: { type: 'bool', help: 'List the caller’s own requests.', query: true },
      after: { type: 'string', help: 'Go on behind this one: the next of an earlier answer.', query: true },
      limit: { type: 'int', help: 'Most requests to list.', query: true },
    },
    operations: {
      list: {
        summary: 'List requests for approval',
        response: {
          keys: { type: 'list' },
          key_info: { type: 'object', members: { '*': { type: 'object', members: lineSchema } } },
          next: { type: 'string', nullable: true, help: 'Where to go on; null at the end.' },
        },
        handle: async (call) => {
          const { own = false, after, limit } = call.fields;
          checkAfter(after);
          const shown = (record: ApprovalRecord) =>
            own ? isRequester(rooms, call.token, record) : isDecider(call.token, record) || seesAll(call);
          const found = await look(rooms, shown, after || undefined, limit);
          const { items, next } = found;
          return {
            data: {
              keys: items.map(({ accessor }) => accessor),
              key_info: Object.fromEntries(items.map((record) => [record.accessor, lineOf(record)])),
              next: next ?? null,
            },
            // An empty part of a list that goes on is no empty list.
            ...(items.length === 0 && next !== undefined ? { status: 200 } : {}),
          };
        },
      },
    },
  });
}

/** Waiting ones that are shown, by looking at a bounded number of all. */
async function look(
  rooms: CoreRooms,
  shown: (record: ApprovalRecord) => boolean | Promise<boolean>,
  after: string | undefined,
  limit: number | undefined,
): Promise<{ readonly items: readonly ApprovalRecord[]; readonly next: string | undefined }> {
  const wanted = limit !== undefined && limit > 0 ? limit : mostSeen;
  const items: ApprovalRecord[] = [];
  let at = after;
  for (let seen = 0; seen < mostSeen; ) {
    const page = await rooms.approvals.page({ limit: 100, ...(at === undefined ? {} : { after: at }) });
    for (const record of page.items) {
      if (record.status === 'waiting' && (await shown(record))) items.push(record);
      if (items.length >= wanted) return { items, next: record.accessor };
    }
    if (page.next === undefined) return { items, next: undefined };
    at = page.next;
    seen += 100;
  }
  return { items, next: at };
}

function single(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'approvals/:accessor',
    help: 'One request: who asks for what, who consented, and how many are wanted. Deleting withdraws one’s own.',
    fields: pathField,
    operations: {
      read: {
        summary: 'Show a request for approval',
        response: approvalSchema,
        handle: async (call) => {
          const record = await visible(rooms, call, call.params['accessor']);
          return { data: await factsOf(rooms, record) };
        },
      },
      delete: {
        summary: 'Withdraw a request for approval',
        spendsFirst: true,
        handle: async (call) => {
          const record = await visible(rooms, call, call.params['accessor']);
          if (!(await isRequester(rooms, call.token, record))) {
            throw new CofferError(
              'permission_denied',
              'only who asked withdraws a request; approvers deny it',
            );
          }
          await rooms.approvals.withdraw(record.accessor, call.requestId);
          return undefined;
        },
      },
    },
  });
}

function approval(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'approvals/:accessor/approve',
    help: 'Consents to a request, as the entity of the caller’s token. Nobody consents to a request of their own.',
    fields: { ...pathField, ...reasonField },
    operations: {
      update: {
        summary: 'Approve a request',
        spendsFirst: true,
        response: approvalSchema,
        handle: async (call) => {
          const record = await approve(rooms, call, call.params['accessor'], call.fields.reason);
          return { data: await factsOf(rooms, record) };
        },
      },
    },
  });
}

function denial(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'approvals/:accessor/deny',
    help: 'Refuses a request for good, whoever else consented.',
    fields: { ...pathField, ...reasonField },
    operations: {
      update: {
        summary: 'Deny a request',
        spendsFirst: true,
        response: approvalSchema,
        handle: async (call) => {
          const { record, verdict } = await decide(rooms, call, call.params['accessor'], call.fields.reason);
          const denied = await rooms.approvals.deny(record.accessor, verdict, call.requestId);
          return { data: await factsOf(rooms, denied) };
        },
      },
    },
  });
}

function controlGroup(rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'control-group/request',
      help: 'How a request that waits for approval stands. Its sender and its approvers may ask.',
      fields: accessorField,
      operations: {
        update: {
          summary: 'Check a request that waits for approval',
          response: controlGroupSchema,
          handle: async (call) => ({
            data: await controlGroupFacts(rooms, await visible(rooms, call, call.fields.accessor)),
          }),
        },
      },
    }),
    coreEndpoint({
      pattern: 'control-group/authorize',
      help: 'Consents to a request, as sys/approvals/:accessor/approve does.',
      fields: accessorField,
      operations: {
        update: {
          summary: 'Authorize a request',
          spendsFirst: true,
          response: authorizeSchema,
          handle: async (call) => {
            const record = await approve(rooms, call, call.fields.accessor, undefined);
            const { approved } = await rooms.approvals.standing(record);
            return { data: { approved } };
          },
        },
      },
    }),
  ];
}

async function approve<F extends Fields>(
  rooms: CoreRooms,
  call: CoreCall<F>,
  accessor: string | undefined,
  reason: string | undefined,
): Promise<ApprovalRecord> {
  const { record, verdict } = await decide(rooms, call, accessor, reason);
  return rooms.approvals.approve(record.accessor, verdict, call.requestId);
}

/** A request that the caller may decide on, and the caller's word. Throws `not_found` and `permission_denied`. */
async function decide<F extends Fields>(
  rooms: CoreRooms,
  call: CoreCall<F>,
  accessor: string | undefined,
  reason: string | undefined,
): Promise<{ readonly record: ApprovalRecord; readonly verdict: Verdict }> {
  const { token } = call;
  if (token?.identity === undefined) {
    throw new CofferError(
      'permission_denied',
      'only an entity approves or denies: this token has none, so log in by an auth method',
    );
  }
  const record = await visible(rooms, call, accessor);
  if (await isRequester(rooms, token, record)) {
    throw new CofferError('permission_denied', 'nobody decides on a request of their own');
  }
  if (!isDecider(token, record)) {
    throw new CofferError('permission_denied', 'the rule that wants this approval does not name you');
  }
  const { entity } = token.identity;
  return {
    record,
    verdict: {
      entityId: entity.id,
      entityName: entity.name,
      displayName: token.record.displayName,
      login: token.record.path,
      secondFactor: token.record.secondFactor === true,
      remoteAddress: call.remoteAddress,
      at: rooms.clock.now(),
      reason: parseReason(reason, 'field'),
    },
  };
}

/** Somebody else's request is as good as none. */
async function visible<F extends Fields>(
  rooms: CoreRooms,
  call: CoreCall<F>,
  accessor: string | undefined,
): Promise<ApprovalRecord> {
  const record = (await rooms.approvals.read(accessor ?? ''))?.record;
  if (record === undefined) throw noRequest();
  const seen =
    isDecider(call.token, record) || (await isRequester(rooms, call.token, record)) || seesAll(call);
  if (!seen) throw noRequest();
  return record;
}

function isDecider(token: ReadToken | undefined, record: ApprovalRecord): boolean {
  return token?.identity !== undefined && mayDecide(token.identity, record.approval);
}

/** By entity, as both are now: two aliases of one person, or two entities that were merged, are the same. */
async function isRequester(
  rooms: CoreRooms,
  token: ReadToken | undefined,
  { requester }: ApprovalRecord,
): Promise<boolean> {
  if (token?.identity === undefined) return false;
  const { id, merged } = token.identity.entity;
  if (id === requester.entityId || merged.includes(requester.entityId)) return true;
  return (await rooms.identities.reader.read(requester.entityId))?.entity.id === id;
}

function seesAll<F extends Fields>({ acl, path, operation }: CoreCall<F>): boolean {
  return acl?.decide({ path, operation, data: {}, sudo: true }).kind === 'allow';
}

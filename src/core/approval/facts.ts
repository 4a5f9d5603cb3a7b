/** A request that waits, in the wire's names. */
import { timestamp } from '../../clock.ts';
import type { ResponseSchema } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import type { ApprovalRecord, Verdict } from './record.ts';
import type { Standing } from './standing.ts';

export const lineSchema = {
  status: { type: 'string', help: '`waiting`, `denied`, `withdrawn` or `used`.' },
  operation: { type: 'string', help: '`create` where it would make something new.' },
  path: { type: 'string' },
  requester: { type: 'string', help: 'Name of the entity that asks.' },
  requester_id: { type: 'string' },
  reason: { type: 'string', help: 'Theirs: as they wrote it.' },
  creation_time: { type: 'string' },
  expire_time: { type: 'string' },
} as const satisfies ResponseSchema;

/** What a listing says of one request. */
export function lineOf(record: ApprovalRecord) {
  const { requester } = record;
  return {
    status: record.status,
    operation: record.operation,
    path: record.path,
    requester: requester.entityName,
    requester_id: requester.entityId,
    reason: record.reason,
    creation_time: timestamp(record.createdAt),
    expire_time: timestamp(record.expiresAt),
  };
}

const verdictSchema = {
  entity_id: { type: 'string' },
  entity_name: { type: 'string' },
  display_name: { type: 'string', help: 'Of the token that said so.' },
  login: { type: 'string', help: 'Path that this token came of.' },
  second_factor: { type: 'bool', help: 'The login had proven a second factor.' },
  remote_address: { type: 'string' },
  time: { type: 'string' },
  reason: { type: 'string' },
} as const satisfies ResponseSchema;

export const approvalSchema = {
  accessor: { type: 'string' },
  ...lineSchema,
  approved: { type: 'bool', help: 'All that is wanted is there: it can be carried out.' },
  fields: {
    type: 'object',
    help: 'What was sent, without secrets: of these the name alone.',
    members: { '*': { type: 'any' } },
  },
  display_name: { type: 'string', help: 'Of the token that asks.' },
  wrap_ttl: { type: 'int', help: 'Seconds for which the answer is to be wrapped; 0 for not.' },
  remote_address: { type: 'string', help: 'Where it was asked from.' },
  rule: { type: 'string', help: 'Pattern of the rule that wants an approval.' },
  policies: { type: 'list', help: 'Policies that hold this rule.' },
  factors: {
    type: 'list',
    help: 'All of them are wanted.',
    items: {
      name: { type: 'string' },
      from: { type: 'list' },
      count: { type: 'int' },
      have: { type: 'int', help: 'Entities of these that consented and count now.' },
    },
  },
  authorizations: { type: 'list', help: 'Those that count now.', items: verdictSchema },
  denial: { type: 'object', nullable: true, members: verdictSchema },
} as const satisfies ResponseSchema;

/** All that an approver is shown. */
export async function factsOf(rooms: CoreRooms, record: ApprovalRecord): Promise<AnswerData> {
  const standing = await rooms.approvals.standing(record);
  return {
    accessor: record.accessor,
    ...lineOf(record),
    approved: record.status === 'waiting' && standing.approved,
    fields: record.shown,
    display_name: record.requester.displayName,
    wrap_ttl: record.wrapTtl,
    remote_address: record.remoteAddress,
    rule: record.pattern,
    policies: record.policies,
    factors: factorFacts(standing),
    authorizations: standing.counted.map(verdictFacts),
    denial: record.denial === null ? null : verdictFacts(record.denial),
  };
}

function factorFacts({ factors }: Standing) {
  return factors.map(({ factor: { name, from, count }, have }) => ({
    name,
    from: from.map((one) => `${one.kind}/${one.name}`),
    count,
    have,
  }));
}

function verdictFacts(verdict: Verdict) {
  return {
    entity_id: verdict.entityId,
    entity_name: verdict.entityName,
    display_name: verdict.displayName,
    login: verdict.login,
    second_factor: verdict.secondFactor,
    remote_address: verdict.remoteAddress,
    time: timestamp(verdict.at),
    reason: verdict.reason,
  };
}

export const authorizeSchema = {
  approved: { type: 'bool', help: 'All that is wanted is there: it can be carried out.' },
} as const satisfies ResponseSchema;

export const controlGroupSchema = {
  ...authorizeSchema,
  request_path: { type: 'string' },
  request_entity: { type: 'object', members: { id: { type: 'string' }, name: { type: 'string' } } },
  authorizations: {
    type: 'list',
    items: { entity_id: { type: 'string' }, entity_name: { type: 'string' } },
  },
} as const satisfies ResponseSchema;

export async function controlGroupFacts(rooms: CoreRooms, record: ApprovalRecord): Promise<AnswerData> {
  const { approved, counted } = await rooms.approvals.standing(record);
  const { entityId: id, entityName: name } = record.requester;
  return {
    approved: record.status === 'waiting' && approved,
    request_path: record.path,
    request_entity: { id, name },
    authorizations: counted.map(({ entityId: entity_id, entityName: entity_name }) => ({
      entity_id,
      entity_name,
    })),
  };
}

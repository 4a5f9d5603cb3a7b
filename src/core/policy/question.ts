/** What is asked about a decision: a path and an operation, taken from text. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type Destination, findDestination } from '../destination.ts';
import { type Judgement, judge } from '../judge.ts';
import { type ApiPath, parseApiPath } from '../path.ts';
import type { Operation } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import type { Acl } from './acl.ts';

const operations = ['read', 'list', 'scan', 'create', 'update', 'patch', 'delete'] as const;
export type AskedOperation = (typeof operations)[number];

export interface Question {
  readonly path: ApiPath;
  readonly operation: AskedOperation;
  readonly data: JsonObject;
}

export const questionFields = {
  path: { type: 'string', help: 'The request’s path, below /v1/.', required: true },
  operation: { type: 'string', help: `${operations.join(', ')}.`, aliases: ['capability'], required: true },
} as const;

export const parametersField = {
  parameters: {
    type: 'object',
    help: 'Fields of the request, for rules that constrain them.',
    sensitive: true,
  },
} as const;

/** Throws `invalid_request`. */
export function parseQuestion(path: string, operation: string, data: JsonObject = {}): Question {
  return { path: parseApiPath(path.replace(/^\/?(v1\/)?/, '')), operation: parseOperation(operation), data };
}

function parseOperation(text: string): AskedOperation {
  const operation = operations.find((known) => known === text);
  if (operation !== undefined) return operation;
  throw new CofferError('invalid_request', `operation is one of: ${operations.join(', ')}`);
}

export interface Judged extends Judgement {
  readonly destination: Destination;
}

/** As the road would decide it now for a token with these policies. */
export function judgeQuestion(rooms: CoreRooms, acl: Acl, question: Question): Judged {
  const destination = destinationOf(rooms, question);
  return { destination, ...judge(acl, question, destination) };
}

export function destinationOf(rooms: CoreRooms, { path, operation }: Question): Destination {
  return findDestination(rooms.mounts.table, { path, operation: operation satisfies Operation });
}

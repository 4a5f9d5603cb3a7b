/**
 * The HTTP API of mint-storage (https://github.com/zalando-stups/mint-storage): which applications there are, where their credentials go, and how
 * rotation does. Translated to the endpoints of a mount of service users, which decide; callers show Coffer's own tokens, and nobody goes without.
 * What the old worker wrote by PATCH is the rotation machine's own here, and nobody else's.
 */
import type { ApiPath } from '../../../core/path.ts';
import type { Answer } from '../../../core/request.ts';
import { CofferError } from '../../../errors.ts';
import { emptyObject } from '../../../json.ts';
import type {
  Dialect,
  DialectAnswer,
  DialectCall,
  DialectHead,
  DialectType,
  Errand,
  Wish,
} from '../dialect.ts';
import { type Operation, operationOf } from './operations.ts';

export const mint: DialectType = {
  name: 'mint',
  open: (options) => mintDialect(mountOf(options)),
};

/** Path of the mount, without slash. Throws `usage`. */
function mountOf({ mount = 'service-users', ...others }: Readonly<Record<string, string>>): string {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new CofferError('usage', `dialect mint has no option ${unknown}; there is mount`);
  }
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(mount)) {
    throw new CofferError(
      'usage',
      'option mount of dialect mint is a path such as service-users, without / at its ends',
    );
  }
  return mount;
}

export function mintDialect(mount: string): Dialect {
  return {
    read: (head) => read(mount, head),
    refusal: ({ status, errors }) => message(status, errors.join('; ')),
  };
}

const json = ['Content-Type', 'application/json;charset=utf-8'];

function message(status: number, text: string): DialectAnswer {
  return { kind: 'answer', status, headers: json, body: JSON.stringify({ message: text }) };
}

function read(mount: string, { method, target, header }: DialectHead): DialectCall | DialectAnswer {
  const [path = '', query = ''] = target.split('?', 2);
  if (path === '/.well-known/health' && method === 'GET') {
    return { kind: 'answer', status: 200, headers: json, body: '{"health":true}' };
  }
  const operation = operationOf(mount, method, path, new URLSearchParams(query));
  if (typeof operation === 'number') return message(operation, wordsOf(operation));
  const token = tokenOf(header('authorization'));
  if (token === undefined) {
    return message(401, 'a token is needed: Authorization: Bearer TOKEN');
  }
  return {
    kind: 'call',
    path: operation.path,
    bearer: true,
    takesBody: operation.takesBody,
    answer: (errand) => answer(operation, token, errand),
  };
}

function wordsOf(status: 400 | 404 | 405): string {
  switch (status) {
    case 400:
      return 'an application’s id is 1 to 63 characters of a-z, 0-9 and -, begins with a letter and does not end with -';
    case 404:
      return 'there is nothing at this path';
    case 405:
      return 'this path has no such method';
  }
}

function tokenOf(header: string | undefined): string | undefined {
  return /^(?:bearer|token) ([\x21-\x2b\x2d-\x7e]{1,4096})$/i.exec(header ?? '')?.[1];
}

async function answer(operation: Operation, token: string, errand: Errand): Promise<DialectAnswer> {
  const ask = async (kind: Wish['operation'], path: ApiPath, data = emptyObject()) => {
    const told = await errand.ask({ operation: kind, path, data, token });
    return told.kind === 'error' || isHeld(told) ? Promise.reject(new Refused(told)) : told;
  };
  try {
    const body = await operation.perform({ ask, body: errand.body, limits: errand.limits });
    if (body === undefined) return { kind: 'answer', status: 200, headers: [], body: '' };
    return { kind: 'answer', status: 200, headers: json, body: JSON.stringify(body) };
  } catch (error) {
    if (error instanceof Refused) return refused(operation, error.answer);
    throw error;
  }
}

/** A refusal of the road, on its way to the client. */
class Refused extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super('the request was refused');
    this.answer = answer;
  }
}

/** One that waits for the consent of others: this API has no way to say where. */
function isHeld(answer: Answer): boolean {
  return answer.kind === 'envelope' && answer.wrap !== null;
}

function refused({ isPut }: Operation, answer: Answer): DialectAnswer {
  if (answer.kind !== 'error') return message(403, 'this needs the consent of others first');
  const { status, code, errors } = answer;
  // The old API says nothing more of one that is not there; where one is configured, that is a mistake of the request.
  if (status === 404 && !isPut) return { kind: 'answer', status, headers: [], body: '' };
  const text = code === 'permission_denied' && errors.length === 0 ? 'permission denied' : errors.join('; ');
  return message(status === 404 ? 400 : status, text.replace(/^1 error occurred:\s*\* /, '').trim());
}

/**
 * The HTTP API of dssss (https://github.com/ejcx/dssss): secrets of instances at AWS, who show their signed identity document with
 * each request, or a token that an answer gave them. Translated to a login at an `aws` auth mount and to a mount of role-secrets,
 * which decide. Statuses and bodies are the old ones: 200, 400, 404 and 500, and no word of why.
 */
import { type ApiPath, parseApiPath } from '../../../core/path.ts';
import type { Answer } from '../../../core/request.ts';
import { CofferError } from '../../../errors.ts';
import { emptyObject } from '../../../json.ts';
import { tokenOf } from '../answer-data.ts';
import type { Dialect, DialectAnswer, DialectCall, DialectHead, DialectType, Errand } from '../dialect.ts';
import { failureOf, type Operation, type Outcome, operationOf } from './operations.ts';
import { encodeToken, type Proof, readProof } from './proof.ts';

/** Where on the server its clients log in, and where their secrets are. */
export interface DssssPlaces {
  /** Path of the auth mount, without `auth/` and without slash. */
  readonly auth: string;
  /** The role of that mount that their logins name. */
  readonly role: string;
  /** Path of the mount of secrets, without slash. */
  readonly secrets: string;
}

export const usualPlaces: DssssPlaces = { auth: 'aws', role: 'dssss', secrets: 'roles' };

export const dssss: DialectType = {
  name: 'dssss',
  open: (options) => dssssDialect(placesOf(options)),
};

/** Throws `usage`. */
function placesOf(options: Readonly<Record<string, string>>): DssssPlaces {
  const names = Object.keys(usualPlaces);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new CofferError('usage', `dialect dssss has no option ${unknown}; there are ${names.join(', ')}`);
  }
  const wrong = names.find((name) => !/^(?:[\w.-]+(?:\/[\w.-]+)*)?$/.test(options[name] ?? ''));
  if (wrong !== undefined) {
    throw new CofferError(
      'usage',
      `option ${wrong} of dialect dssss is a path such as ${usualPlaces[wrong as keyof DssssPlaces]}, without / at its ends`,
    );
  }
  const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== ''));
  return { ...usualPlaces, ...said };
}

export function dssssDialect(places: DssssPlaces): Dialect {
  return {
    read: (head) => read(places, head),
    // Whoever is refused before it asked for anything is told as much as by any other refusal.
    refusal: ({ status }) => (status === 404 ? absent : bare(status >= 500 || status === 429 ? 500 : 400)),
  };
}

const text = ['Content-Type', 'text/plain; charset=utf-8'];

/** What Go's router answers. */
const absent: DialectAnswer = {
  kind: 'answer',
  status: 404,
  headers: [...text, 'X-Content-Type-Options', 'nosniff'],
  body: '404 page not found\n',
};

function bare(status: number, headers: readonly string[] = []): DialectAnswer {
  return { kind: 'answer', status, headers, body: '' };
}

function read(places: DssssPlaces, { method, target, header }: DialectHead): DialectCall | DialectAnswer {
  const [path = ''] = target.split('?', 1);
  const name = /^\/v1\/secret\/([a-zA-Z0-9]+)$/.exec(path)?.[1];
  if (name === undefined && path !== '/v1/auth') return absent;
  const operation = operationOf(places.secrets, name, method);
  if (operation === undefined) return bare(400);
  const proof = readProof(header);
  if (proof === undefined) return bare(400);
  const isToken = proof.kind === 'token';
  return {
    kind: 'call',
    path: isToken ? operation.path : loginPath(places),
    bearer: isToken,
    takesBody: operation.takesBody,
    answer: (errand) => answer(places, operation, proof, errand),
  };
}

function loginPath({ auth }: DssssPlaces): ApiPath {
  return parseApiPath(`auth/${auth}/login`);
}

async function answer(
  places: DssssPlaces,
  operation: Operation,
  proof: Proof,
  errand: Errand,
): Promise<DialectAnswer> {
  if (proof.kind === 'token') return shown(await outcome(operation, proof.token, errand), []);
  const login = await logIn(places, proof.document, errand);
  const token = tokenOf(login);
  if (token === undefined) return bare(isTrouble(login) ? 500 : 400);
  const fresh = ['Reauthentication', encodeToken(token)];
  if (operation.isLogin) return bare(200, fresh);
  return shown(await outcome(operation, token, errand), fresh);
}

/** Two first logins of one instance at the same time meet at its record, and the second one finds what the first one left. */
async function logIn(places: DssssPlaces, pkcs7: string, { ask }: Errand): Promise<Answer> {
  const data = Object.assign(emptyObject(), { role: places.role, pkcs7 });
  const wish = { operation: 'update', path: loginPath(places), data, token: undefined } as const;
  const first = await ask(wish);
  return first.kind === 'error' && first.code === 'conflict' ? ask(wish) : first;
}

/** Whatever goes wrong from here on is told beside the token that was given. */
async function outcome(operation: Operation, token: string, errand: Errand): Promise<Outcome> {
  try {
    return await operation.perform(token, errand);
  } catch (error) {
    return failureOf(error);
  }
}

function shown({ status, body }: Outcome, headers: readonly string[]): DialectAnswer {
  return { kind: 'answer', status, headers: body === '' ? headers : [...headers, ...text], body };
}

/** What the server, or AWS behind it, has trouble with says nothing of who asks. */
function isTrouble(answer: Answer): boolean {
  return answer.kind === 'error' && (answer.status >= 500 || answer.status === 429);
}

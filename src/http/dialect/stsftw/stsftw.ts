/**
 * The one request of stsftw (https://github.com/jtaylorcpp/stsftw): one-time codes for the credentials of a role. Translated to a login
 * at a mount of the method `totp`, the role's credentials of a mount of the engine `aws`, and the end of the login's token, of which
 * nobody ever hears. Method and path mean nothing, as they meant nothing there.
 *
 * A success has the old three members. A failure has never a JSON object: the old program takes any for credentials, prints three
 * empty ones, and says that it went well. It follows redirects and sends the codes along, so there is none.
 */
import { type ApiPath, parseApiPath } from '../../../core/path.ts';
import type { Answer } from '../../../core/request.ts';
import { asCofferError, CofferError } from '../../../errors.ts';
import { emptyObject, type JsonObject, type JsonValue } from '../../../json.ts';
import { parseBoundedJson } from '../../bounded-json.ts';
import { dataOf, tokenOf } from '../answer-data.ts';
import type { Dialect, DialectAnswer, DialectType, Errand } from '../dialect.ts';
import { memberOf } from '../go-json.ts';

/** Where on the server codes are taken, and where credentials are made. Paths of mounts, without slash. */
export interface StsftwPlaces {
  /** Without `auth/`. */
  readonly auth: string;
  readonly engine: string;
}

export const usualPlaces: StsftwPlaces = { auth: 'totp', engine: 'aws' };

export const stsftw: DialectType = {
  name: 'stsftw',
  open: (options) => stsftwDialect(placesOf(options)),
};

/** Throws `usage`. */
function placesOf(options: Readonly<Record<string, string>>): StsftwPlaces {
  const names = Object.keys(usualPlaces);
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name))
      throw new CofferError('usage', `dialect stsftw has no option ${name}; there are ${names.join(', ')}`);
    if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(value))
      throw new CofferError('usage', `option ${name} of dialect stsftw is a path, without / at its ends`);
  }
  return { ...usualPlaces, ...options };
}

export function stsftwDialect(places: StsftwPlaces): Dialect {
  const login = parseApiPath(`auth/${places.auth}/login`);
  return {
    read: () => ({
      kind: 'call',
      path: login,
      bearer: false,
      takesBody: true,
      answer: (errand) => trade(places, login, errand),
    }),
    refusal: ({ status }) => failure(status),
  };
}

interface Challenge {
  readonly role: string;
  /** For the login. */
  readonly proof: JsonObject;
}

async function trade(places: StsftwPlaces, login: ApiPath, errand: Errand): Promise<DialectAnswer> {
  const challenge = readChallenge(errand);
  if (challenge === undefined) return failure(400);
  const path = pathOfRole(places, challenge.role);
  if (path === undefined) return failure(403);
  const entered = await errand.ask({
    operation: 'update',
    path: login,
    data: challenge.proof,
    token: undefined,
  });
  const token = tokenOf(entered);
  if (token === undefined) return failure(statusOf(entered));
  let made: Answer;
  try {
    made = await errand.ask({ operation: 'update', path, data: emptyObject(), token });
  } finally {
    await end(token, errand);
  }
  const credentials = credentialsOf(made);
  return credentials === undefined ? failure(statusOf(made)) : success(credentials);
}

/** Throws where the token may still be there: then nothing is handed out. */
async function end(token: string, { ask }: Errand): Promise<void> {
  const path = parseApiPath('auth/token/revoke-self');
  const answer = await ask({ operation: 'update', path, data: emptyObject(), token });
  // One that the use of which made it end has none to revoke.
  if (answer.kind === 'error' && answer.status >= 500)
    throw new CofferError('unavailable', 'the token of the login could not be revoked');
}

/** Undefined for what is no challenge: issuer, account and role are never empty, and nothing has another type than text. */
function readChallenge({ body, limits }: Errand): Challenge | undefined {
  let sent: JsonObject;
  try {
    sent = parseBoundedJson(body, limits);
  } catch (error) {
    if (asCofferError(error).code === 'internal') throw error;
    return undefined;
  }
  const names = [
    'Issuer',
    'AccountName',
    'Role',
    'TOTPCode',
    'SecondaryAccountName',
    'SecondaryTOTPCode',
  ] as const;
  const [issuer, account, role, code, second, secondCode] = names.map((name) => textOf(memberOf(sent, name)));
  if (issuer === undefined || account === undefined || role === undefined || code === undefined)
    return undefined;
  if (second === undefined || secondCode === undefined) return undefined;
  if (issuer === '' || account === '' || role === '') return undefined;
  const proof = Object.assign(emptyObject(), {
    issuer,
    account,
    role,
    // The old server trimmed codes, and so may whoever types into its program.
    code: code.trim(),
    ...(second === '' ? {} : { second_account: second }),
    ...(secondCode === '' ? {} : { second_code: secondCode.trim() }),
  });
  return { role, proof };
}

/** Empty for what is not there, as Go reads it; undefined for another type. */
function textOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' && value.isWellFormed() ? value : undefined;
}

/** Undefined for a role that no path can name. */
function pathOfRole({ engine }: StsftwPlaces, role: string): ApiPath | undefined {
  if (role.includes('/')) return undefined;
  try {
    return parseApiPath(`${engine}/sts/${role}`);
  } catch {
    return undefined;
  }
}

/** Undefined where any of the three is missing: half of them is a failure. */
function credentialsOf(answer: Answer): readonly [string, string, string] | undefined {
  const data = dataOf(answer);
  const [id, secret, token] = [data?.['access_key'], data?.['secret_key'], data?.['security_token']];
  if (typeof id !== 'string' || typeof secret !== 'string' || typeof token !== 'string') return undefined;
  return id === '' || secret === '' || token === '' ? undefined : [id, secret, token];
}

function success([AccessKeyId, SecretAccessKey, SessionToken]: readonly [
  string,
  string,
  string,
]): DialectAnswer {
  const body = JSON.stringify({ AccessKeyId, SecretAccessKey, SessionToken });
  return { kind: 'answer', status: 200, headers: ['Content-Type', 'application/json'], body };
}

/** What was asked for and refused looks the same whatever the reason was. */
function statusOf(answer: Answer): number {
  if (answer.kind !== 'error') return 502;
  return answer.status === 429 || answer.status >= 500 ? answer.status : 403;
}

const words: Readonly<Record<number, string>> = {
  400: 'this is no request for credentials',
  403: 'refused',
  429: 'too many requests',
};

function failure(status: number): DialectAnswer {
  const shown = status >= 400 ? status : 502;
  const body = `${words[shown] ?? (shown >= 500 ? 'the server is in trouble; try again' : 'refused')}\n`;
  return { kind: 'answer', status: shown, headers: ['Content-Type', 'text/plain; charset=utf-8'], body };
}

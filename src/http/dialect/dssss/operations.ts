/** What may be asked of a name, as requests to a mount of role-secrets, and what their answers are in the old API. */
import { isUtf8 } from 'node:buffer';
import { type ApiPath, parseApiPath } from '../../../core/path.ts';
import type { Answer } from '../../../core/request.ts';
import { asCofferError, CofferError, type ErrorCode } from '../../../errors.ts';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../../json.ts';
import { bareValue, decodeValue, encodeValue } from '../../../secret-value.ts';
import { parseBoundedJson } from '../../bounded-json.ts';
import { dataOf } from '../answer-data.ts';
import type { Errand, Wish } from '../dialect.ts';
import { encodeTexts, memberOf } from '../go-json.ts';

export interface Outcome {
  readonly status: 200 | 400 | 500;
  readonly body: string;
}

export interface Operation {
  /** Of its first request. */
  readonly path: ApiPath;
  readonly takesBody: boolean;
  /** Asks for nothing but to be known. */
  readonly isLogin: boolean;
  perform(token: string, errand: Errand): Promise<Outcome>;
}

/**
 * Undefined for a method that names have not.
 *
 * @param secrets path of the mount, without slash
 * @param name of the secret, or the beginning of names; undefined for `/v1/auth`
 */
export function operationOf(
  secrets: string,
  name: string | undefined,
  method: string,
): Operation | undefined {
  if (name === undefined) return checkOperation;
  switch (method) {
    case 'GET':
      return operation(`${secrets}/data/${name}`, 'read', shownSecret);
    case 'PUT':
      return writeOperation(secrets, name);
    case 'DELETE':
      // The old one keeps nothing of what is deleted either; the name stays taken.
      return operation(`${secrets}/metadata/${name}`, 'delete', removed);
    case 'LIST':
      return listOperation(secrets, name);
    default:
      return undefined;
  }
}

const nothing = emptyObject();
const ok: Outcome = { status: 200, body: '' };
const refused: Outcome = { status: 400, body: '' };
const failed: Outcome = { status: 500, body: '' };
/** A refusal that is yet to be told apart. */
const forbidden: Outcome = { ...refused };

/** One request. */
function operation(
  text: string,
  kind: Wish['operation'],
  shown: (answer: Answer) => Outcome,
  dataFor: (errand: Errand) => JsonObject = () => nothing,
): Operation {
  const path = parseApiPath(text);
  return {
    path,
    takesBody: false,
    isLogin: false,
    async perform(token, errand) {
      return shown(await errand.ask({ operation: kind, path, data: dataFor(errand), token }));
    },
  };
}

const checkOperation: Operation = {
  ...operation('auth/token/lookup-self', 'read', (answer) =>
    answer.kind === 'envelope' ? ok : failure(answer),
  ),
  isLogin: true,
};

/** Codes of what is the caller's to change; what the server has trouble with, and a name that is taken, is 500. */
const callersOwn: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'permission_denied',
  'invalid_request',
  'payload_too_large',
]);

function failure(answer: Answer): Outcome {
  return answer.kind === 'error' && callersOwn.has(answer.code) ? refused : failed;
}

/** The same for what was thrown. */
export function failureOf(error: unknown): Outcome {
  return callersOwn.has(asCofferError(error).code) ? refused : failed;
}

/** A name that is not there is told from one that the caller may not read to nobody but administrators. */
function shownSecret(answer: Answer): Outcome {
  const secret = dataOf(answer)?.['data'];
  if (answer.kind !== 'envelope' || answer.status !== 200 || !isJsonObject(secret)) return failure(answer);
  return { status: 200, body: encodeTexts([asText(secret)]) };
}

/** The old API has nothing but one text a secret: several fields are their JSON. */
function asText(secret: JsonObject): string {
  const stored = bareValue(secret);
  const value = decodeValue(stored ?? secret);
  // Bytes that are no text have no other form here than the one they are stored in.
  if (value.kind === 'binary') return isUtf8(value.bytes) ? value.bytes.toString() : String(stored);
  return value.text;
}

/** The old API tells a name that is taken (500) from what is not allowed; here only who may create names is told that one is taken. */
function writeOperation(secrets: string, name: string): Operation {
  const write = operation(`${secrets}/data/${name}`, 'update', written, secretOf);
  const rights = operation(`${secrets}/rights`, 'read', (answer) =>
    dataOf(answer)?.['create'] === true ? failed : refused,
  );
  return {
    ...write,
    takesBody: true,
    async perform(token, errand) {
      const outcome = await write.perform(token, errand);
      return outcome === forbidden ? rights.perform(token, errand) : outcome;
    },
  };
}

function written(answer: Answer): Outcome {
  if (answer.kind === 'error' && answer.code === 'permission_denied') return forbidden;
  return answer.kind === 'envelope' ? ok : failure(answer);
}

function removed(answer: Answer): Outcome {
  return answer.kind === 'empty' ? ok : failure(answer);
}

/** What was sent, for a name that never was: the old API has no other write. Throws `invalid_request`. */
function secretOf({ body, limits }: Errand): JsonObject {
  const sent = parseBoundedJson(body, limits);
  const value = memberOf(sent, 'Secret') ?? '';
  const roles = memberOf(sent, 'Roles') ?? [];
  if (typeof value !== 'string' || !value.isWellFormed() || !isTexts(roles)) {
    throw new CofferError('invalid_request', 'a secret is a text, and its roles are a list of texts');
  }
  return Object.assign(emptyObject(), { value: encodeValue(Buffer.from(value)), roles, cas: 0 });
}

function isTexts(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && each.isWellFormed());
}

/** Names in one request of the road. */
const namesAtOnce = 250;

/** Every failure is 400, as the old API has it. */
function listOperation(secrets: string, prefix: string): Operation {
  const path = parseApiPath(`${secrets}/metadata/`);
  return {
    path,
    takesBody: false,
    isLogin: false,
    async perform(token, { ask }) {
      const names: string[] = [];
      let after = justBefore(prefix);
      while (true) {
        const data = Object.assign(emptyObject(), { after, limit: namesAtOnce });
        const keys = namesOf(await ask({ operation: 'list', path, data, token }));
        if (keys === undefined) return refused;
        const own = keys.filter((key) => key.startsWith(prefix));
        names.push(...own.filter((key) => /^[a-zA-Z0-9]+$/.test(key)));
        const last = keys.at(-1);
        if (keys.length < namesAtOnce || last === undefined || isBehind(last, prefix)) break;
        after = last;
      }
      return { status: 200, body: encodeTexts(names) };
    },
  };
}

/** Undefined for a refusal; an empty list is told as one that is not there. */
function namesOf(answer: Answer): readonly string[] | undefined {
  if (answer.kind === 'error') return answer.status === 404 && answer.code === undefined ? [] : undefined;
  const keys = dataOf(answer)?.['keys'];
  return keys !== undefined && isTexts(keys) ? keys : undefined;
}

/** A text that is before every name with this prefix, and behind every name of letters and digits that is before those. */
function justBefore(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1) - 1;
  // What is before `0` is a slash, which would be a folder's.
  const character = last === 0x2f ? '.' : String.fromCharCode(last);
  return `${prefix.slice(0, -1)}${character}~`;
}

/** Names come in the order of their bytes. */
function isBehind(name: string, prefix: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(prefix)) > 0 && !name.startsWith(prefix);
}

/**
 * What a template works with. All of it is made here from JSON: no object of the program, and so no prototype, getter or
 * constructor, is ever within a template's reach.
 */
import type { JsonValue } from '../json.ts';
import { Problem } from './problem.ts';

export type Value =
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | Dict
  | Bytes
  | Missing
  | Callable
  | Keyed
  | Pending;
export type DictKey = string | number | boolean | null;

/** A map, by whatever names it was given and no others. */
export class Dict {
  readonly entries: Map<DictKey, Value>;
  /** Set where it is the fields of a secret, which are never printed all together. */
  readonly secret: string | undefined;
  /** Only what `namespace()` made takes `{% set name.member = … %}`. */
  readonly changeable: boolean;

  constructor(
    entries: Iterable<readonly [DictKey, Value]>,
    options: { secret?: string; changeable?: boolean } = {},
  ) {
    this.entries = new Map(entries);
    this.secret = options.secret;
    this.changeable = options.changeable ?? false;
  }
}

/** A value that is no text. */
export class Bytes {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** What is not there. Using it is an error, other than asking whether it is there or giving something in its place. */
export class Missing {
  /** For the message. */
  readonly what: string;
  /** A secret, or a field of one: then even its truth is an error. */
  readonly secret: boolean;

  constructor(what: string, secret = false) {
    this.what = what;
    this.secret = secret;
  }

  problem(): Problem {
    return new Problem(this.what, this.secret ? 'not_found' : 'invalid_request');
  }
}

export interface CallArguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** A macro, a method, or one of the few functions there are. */
export class Callable {
  readonly name: string;
  readonly call: (args: CallArguments) => Value;

  constructor(name: string, call: (args: CallArguments) => Value) {
    this.name = name;
    this.call = call;
  }
}

/** Looked up by key, never listed: the secrets. */
export interface Keyed {
  readonly kind: 'keyed';
  /** By `[…]`; several keys are a tuple. */
  at(keys: readonly Value[]): Value;
  /** By `.name`. */
  member(name: string): Value;
  has(key: Value): boolean;
}

/**
 * A secret that is not read yet. What only passes it on goes on, so that one pass finds as many as it can; what depends on it ends
 * the pass by `Suspended`.
 */
export class Pending {
  readonly kind = 'pending';
}
export const pending = new Pending();

export class Suspended extends Error {}

export function isKeyed(value: Value): value is Keyed {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'keyed';
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** What was found, which may be none; undefined where nothing was, and that is missing then. */
export function found(value: Value | undefined, what: string, secret = false): Value {
  return value === undefined ? new Missing(what, secret) : value;
}

/** From JSON, as variables and fields of secrets come. */
export function fromJson(json: JsonValue): Value {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((each: JsonValue) => fromJson(each));
  return new Dict(Object.entries(json).map(([name, each]) => [name, fromJson(each)]));
}

/** What a value is called in messages. */
export function kindOf(value: Value): string {
  if (value === null) return 'none';
  if (isList(value)) return 'a list';
  if (value instanceof Dict) return value.secret === undefined ? 'a map' : 'a secret of several fields';
  if (value instanceof Bytes) return 'bytes that are no text';
  if (value instanceof Callable) return 'a function';
  if (value instanceof Missing) return 'nothing';
  if (typeof value === 'object') return 'all secrets';
  return (
    { string: 'text', number: 'a number', boolean: 'true or false' }[typeof value as 'string'] ?? 'a value'
  );
}

/** Ends the pass where a value is not known yet. Throws the problem of one that is not there. */
export function present(value: Value): Exclude<Value, Missing | Pending> {
  if (value instanceof Pending) throw new Suspended();
  if (value instanceof Missing) throw value.problem();
  return value;
}

/** Python's truth. Of a variable that is not there it is false, as in Jinja. */
export function isTrue(value: Value): boolean {
  if (value instanceof Missing && !value.secret) return false;
  const known = present(value);
  if (isList(known)) return known.length > 0;
  if (known instanceof Dict) return known.entries.size > 0;
  if (known instanceof Bytes) return known.bytes.length > 0;
  return typeof known === 'object' ? known !== null : Boolean(known);
}

/** A key of a map. Throws a problem for what cannot be one. */
export function keyOf(value: Value): DictKey {
  const known = present(value);
  if (known === null || typeof known !== 'object') return known;
  throw new Problem(`${kindOf(known)} cannot be a key`);
}

/**
 * The secrets that a template looks up. A pass notes the names it meets; they are read, all that one pass found at once, and the
 * template is gone through again. So nothing is read but what is reached, and nothing twice.
 */
import type { Budget } from './budget.ts';
import { Problem } from './problem.ts';
import { textOf } from './text.ts';
import {
  Bytes,
  Callable,
  found,
  isList,
  type Keyed,
  Missing,
  pending,
  present,
  Suspended,
  type Value,
} from './value.ts';

/** Where secrets come from. */
export interface SecretSource {
  /**
   * Text, bytes that are no text, or the map of a secret's fields; undefined where there is no such secret. Called once a name.
   * @throws whatever keeps the secret from being read: that ends the rendering
   */
  read(name: string): Promise<Value | undefined>;
}

/** How many secrets one template may name. */
const mostSecrets = 10_000;
/** Requests under way at once. */
const abreast = 8;

export class SecretLookups {
  readonly #source: SecretSource;
  /** By name; undefined where it is known that there is none. */
  readonly #known = new Map<string, Value | undefined>();
  readonly #wanted = new Set<string>();

  constructor(source: SecretSource) {
    this.#source = source;
  }

  /** The secret, or that it is pending or missing. */
  find(name: string): Value {
    if (this.#known.has(name)) return found(this.#known.get(name), `there is no secret ${name}`, true);
    this.#want(name);
    return pending;
  }

  /** Whether there is such a secret. Throws `Suspended` until that is known. */
  has(name: string): boolean {
    if (this.#known.has(name)) return this.#known.get(name) !== undefined;
    this.#want(name);
    throw new Suspended();
  }

  /** Reads what the last pass asked for. @returns whether there was anything */
  async readWanted(): Promise<boolean> {
    const names = [...this.#wanted].values();
    const any = this.#wanted.size > 0;
    const read = async () => {
      for (const name of names) this.#known.set(name, await this.#source.read(name));
    };
    await Promise.all(Array.from({ length: Math.min(abreast, this.#wanted.size) }, read));
    this.#wanted.clear();
    return any;
  }

  #want(name: string): void {
    if (this.#known.size + this.#wanted.size >= mostSecrets) {
      throw new Problem(`a template names at most ${mostSecrets.toLocaleString('en')} secrets`);
    }
    this.#wanted.add(name);
  }
}

/** `secrets` as a template sees it. @param format maps a key to a secret's name: `{0}` is the key, of a tuple `{0}`, `{1}` … */
export function secretsValue(lookups: SecretLookups, format: string, budget: Budget): Keyed {
  const nameOf = (keys: readonly Value[]) => {
    const texts = keys.flatMap((key) => (isList(key) ? key : [key])).map((key) => keyText(key, budget));
    return filled(format, texts);
  };
  const at = (keys: readonly Value[]) => lookups.find(nameOf(keys));
  const method = (name: string, convert: (value: Value) => Value) =>
    new Callable(name, ({ positional, named }) => {
      if (positional.length === 0 || named.size > 0)
        throw new Problem(`${name}() takes the name of a secret`);
      return convert(at(positional));
    });
  return {
    kind: 'keyed',
    at,
    member(name) {
      if (name === 'get_str') return method(name, (value) => value);
      if (name === 'get_bytes') return method(name, (value) => asBytes(value, budget));
      return at([name]);
    },
    has: (key) => lookups.has(nameOf([key])),
  };
}

function keyText(key: Value, budget: Budget): string {
  const known = present(key);
  if (typeof known !== 'string' && typeof known !== 'number') throw new Problem('a secret is named by text');
  return textOf(known, budget);
}

function asBytes(value: Value, budget: Budget): Value {
  if (value === pending || value instanceof Missing || value instanceof Bytes) return value;
  return new Bytes(Buffer.from(textOf(value, budget)));
}

/** Throws a problem where the format asks for a part that a key does not have, or leaves one out. */
function filled(format: string, parts: readonly string[]): string {
  const used = new Set<number>();
  const name = format.replace(/\{\{|\}\}|\{(\d*)\}/g, (written, digits: string | undefined) => {
    if (digits === undefined) return written[0] ?? '';
    const index = digits === '' ? used.size : Number(digits);
    used.add(index);
    const part = parts[index];
    if (part === undefined)
      throw new Problem(`the name of a secret needs ${index + 1} parts here, as in secrets['a', 'b']`);
    return part;
  });
  if (used.size < parts.length)
    throw new Problem(`a secret is named by ${used.size} parts here, not ${parts.length}`);
  return name;
}

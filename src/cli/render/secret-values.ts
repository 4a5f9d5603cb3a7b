/** A safe's secrets as templates see them, each read once however many templates name it. */
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import { bareValue, decodeValue } from '../../secret-value.ts';
import type { SecretSource } from '../../template/secrets.ts';
import { Bytes, Dict, fromJson, type Value } from '../../template/value.ts';
import { nameProblem } from '../secret-name.ts';
import type { SecretSafe } from '../secret-safe.ts';

export class SecretValues implements SecretSource {
  readonly #safe: SecretSafe;
  readonly #read = new Map<string, Promise<JsonObject | undefined>>();

  constructor(safe: SecretSafe) {
    this.#safe = safe;
  }

  async read(name: string): Promise<Value | undefined> {
    const data = await this.#data(name);
    if (data === undefined) return undefined;
    const bare = bareValue(data);
    if (bare !== undefined) return valueOfField(bare);
    return new Dict(
      Object.entries(data).map(([field, value]) => [field, valueOfField(value)]),
      { secret: name },
    );
  }

  /** The bytes of a bare value, or of one field. Throws `not_found`; `usage` where a field has to be named. */
  async bytes(name: string, field: string | undefined): Promise<Buffer> {
    const data = await this.#data(name);
    if (data === undefined) throw new CofferError('not_found', `there is no secret ${name}`);
    const value =
      field === undefined ? bareValue(data) : Object.hasOwn(data, field) ? data[field] : undefined;
    if (value === undefined && field !== undefined) {
      throw new CofferError('not_found', `the secret ${name} has no field ${field}`);
    }
    if (value === undefined)
      throw new CofferError('usage', `the secret ${name} has several fields: "field" names one of them`);
    const decoded = decodeValue(value);
    return decoded.kind === 'binary' ? decoded.bytes : Buffer.from(decoded.text);
  }

  #data(name: string): Promise<JsonObject | undefined> {
    const known = this.#read.get(name);
    if (known !== undefined) return known;
    const read = this.#current(name);
    this.#read.set(name, read);
    return read;
  }

  async #current(name: string): Promise<JsonObject | undefined> {
    const problem = nameProblem(name);
    if (problem !== undefined)
      throw new CofferError('usage', `a secret that a template names cannot be: ${problem}`);
    try {
      return (await this.#safe.current(name)).data;
    } catch (thrown) {
      const error = asCofferError(thrown);
      throw new CofferError(error.code, `${name}: ${error.message}`, { cause: thrown });
    }
  }
}

function valueOfField(value: JsonValue): Value {
  const decoded = decodeValue(value);
  if (decoded.kind === 'binary') return new Bytes(decoded.bytes);
  return decoded.kind === 'text' ? decoded.text : fromJson(value);
}

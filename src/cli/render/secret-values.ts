/** A safe's secrets as templates see them, each read once however many templates name it. */
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { bareValue, decodeValue } from '../../secret-value.ts';
import { templateSecret } from '../../template/secret-data.ts';
import type { SecretSource } from '../../template/secrets.ts';
import type { Value } from '../../template/value.ts';
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
    return data === undefined ? undefined : templateSecret(name, data);
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

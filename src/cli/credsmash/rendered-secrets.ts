/** Secrets as templates of the old program see them: texts, read when they are named, each once a run. */
import type { OldTable } from '../../credstash/old-table.ts';
import type { SecretSource } from '../../template/secrets.ts';
import { Bytes, type Value } from '../../template/value.ts';
import type { Pairs } from '../credstash/documents.ts';
import { failed } from '../credstash/failure.ts';
import { asText } from './formats.ts';

export interface RenderedSecrets extends SecretSource, Disposable {
  /** The value itself. Throws where there is none. */
  bytes(name: string): Promise<Buffer>;
}

export class TableSecrets implements RenderedSecrets {
  readonly #table: OldTable;
  readonly #read = new Map<string, Promise<Buffer | undefined>>();

  constructor(table: OldTable) {
    this.#table = table;
  }

  async read(name: string): Promise<Value | undefined> {
    const bytes = await this.#once(name);
    return bytes === undefined ? undefined : (asText(bytes) ?? new Bytes(bytes));
  }

  async bytes(name: string): Promise<Buffer> {
    return (await this.#once(name)) ?? missing(name);
  }

  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]();
  }

  #once(name: string): Promise<Buffer | undefined> {
    const known = this.#read.get(name) ?? this.#latest(name);
    this.#read.set(name, known);
    return known;
  }

  async #latest(name: string): Promise<Buffer | undefined> {
    const item = await this.#table.latest(name);
    return item === undefined ? undefined : this.#table.open(item);
  }
}

export class FileSecrets implements RenderedSecrets {
  readonly #values: ReadonlyMap<string, string>;

  constructor(pairs: Pairs) {
    this.#values = new Map(pairs);
  }

  async read(name: string): Promise<Value | undefined> {
    return this.#values.get(name);
  }

  async bytes(name: string): Promise<Buffer> {
    return Buffer.from(this.#values.get(name) ?? missing(name));
  }

  [Symbol.dispose](): void {}
}

function missing(name: string): never {
  throw failed(`there is no secret ${name}`, 'not_found');
}

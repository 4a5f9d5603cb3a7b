/** The secrets of a program's environment. */
import { CofferError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { bareValue, decodeValue } from '../secret-value.ts';
import type { KvSecrets } from './kv-secrets.ts';
import type { Output } from './output.ts';
import type { VariableSettings } from './settings.ts';

export class EnvironmentOutput implements Output {
  readonly kind = 'environment';
  readonly name = 'exec';
  readonly onChange = { kind: 'exec' } as const;
  readonly note = undefined;
  readonly #variables: readonly VariableSettings[];
  readonly #secrets: KvSecrets;
  #values: ReadonlyMap<string, string> | undefined;

  constructor(variables: readonly VariableSettings[], secrets: KvSecrets) {
    this.#variables = variables;
    this.#secrets = secrets;
  }

  /** Names and values; undefined before the first look that went well. */
  get values(): ReadonlyMap<string, string> | undefined {
    return this.#values;
  }

  async refresh(): Promise<boolean> {
    const paths = [...new Set(this.#variables.map(({ path }) => path))];
    const read = await Promise.all(
      paths.map(async (path) => [path, await this.#secrets.read(path)] as const),
    );
    const secrets = new Map(read);
    const values = new Map(
      this.#variables.map((variable) => [variable.name, variableValue(variable, secrets.get(variable.path))]),
    );
    const before = this.#values;
    this.#values = values;
    return before === undefined || [...values].some(([name, value]) => before.get(name) !== value);
  }

  describe(): JsonObject {
    return { variables: this.#variables.map(({ name }) => name) };
  }
}

/** Throws `not_found` and `usage`; no value is repeated. */
function variableValue({ name, path, field }: VariableSettings, secret: JsonObject | undefined): string {
  if (secret === undefined) throw new CofferError('not_found', `there is no secret ${path} for ${name}`);
  const value: JsonValue | undefined =
    field === undefined ? bareValue(secret) : Object.hasOwn(secret, field) ? secret[field] : undefined;
  if (value === undefined) {
    throw field === undefined
      ? new CofferError(
          'usage',
          `the secret ${path} for ${name} has several fields: say which, as ${path}#FIELD`,
        )
      : new CofferError('not_found', `the secret ${path} for ${name} has no field ${field}`);
  }
  const decoded = decodeValue(value);
  const text = decoded.kind === 'binary' ? undefined : decoded.text;
  if (text !== undefined && !text.includes('\0') && text.isWellFormed()) return text;
  throw new CofferError('usage', `the secret ${path} for ${name} is nothing that an environment can hold`);
}

/** Which table a mount is, as its `config` says. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { type EncryptionContext, parseContext } from '../../credstash/encryption-context.ts';
import { parseTableAddress, type TableAddress, usualKey } from '../../credstash/table-address.ts';
import { CofferError } from '../../errors.ts';

export const configPath = 'config';

/** Texts that an address of a table has under the same names; absent where nothing was said. */
const addressNames = [
  'region',
  'key',
  'kms_region',
  'format',
  'endpoint',
  'kms_endpoint',
  'profile',
  'role_arn',
  'external_id',
] as const;

type AddressName = (typeof addressNames)[number];

export interface Config {
  readonly table: string;
  readonly options: Readonly<Partial<Record<AddressName, string>>>;
  /** What KMS is told with each call. */
  readonly context: EncryptionContext;
  /** Names of further pairs that a request may bring; none unless listed. */
  readonly allowedContext: readonly string[];
  /** Seconds after which a client may ask again, as reads tell; 0 tells nothing. */
  readonly ttl: number;
}

export interface ConfigFields extends Readonly<Partial<Record<AddressName, string | undefined>>> {
  readonly table?: string | undefined;
  readonly context?: Readonly<Record<string, string>> | undefined;
  readonly allowed_context?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
}

/** Longest list of names, and longest name, that a config takes. */
const mostNames = 64;
const longestName = 256;
/** A day: longer is no hint any more. */
const longestTtl = 86_400;

/** Reads what was sent as a whole: what is absent or empty is as usual. Throws `invalid_request`. */
export function parseConfig(fields: ConfigFields): Config {
  const { table = '', context = {}, allowed_context = [], ttl = 0 } = fields;
  if (table === '')
    throw new CofferError('invalid_request', 'table is missing: the name of a table of DynamoDB');
  const options: Partial<Record<AddressName, string>> = {};
  for (const name of addressNames) {
    const text = fields[name];
    if (text !== undefined && text !== '') options[name] = text;
  }
  if (ttl < 0 || ttl > longestTtl) {
    throw new CofferError('invalid_request', `ttl is a time from 0 to ${longestTtl} seconds`);
  }
  const config = { table, options, context, allowedContext: parseNames(allowed_context), ttl };
  contextOf(config, {});
  addressOf(config);
  return config;
}

/** The table's address. Throws `invalid_request` for what cannot be one. */
export function addressOf({ table, options }: Config): TableAddress {
  const query = new URLSearchParams(options);
  return asInvalid(() => parseTableAddress(`credstash://${table}?${query}`));
}

/**
 * The mount's own context with a request's pairs. Throws `invalid_request` for a pair that the config does not let requests bring,
 * and for what KMS does not take.
 */
export function contextOf(
  { context, allowedContext }: Pick<Config, 'context' | 'allowedContext'>,
  given: Readonly<Record<string, string>>,
): EncryptionContext {
  const other = Object.keys(given).find((name) => !allowedContext.includes(name));
  if (other !== undefined) {
    throw new CofferError(
      'invalid_request',
      `context must not have ${JSON.stringify(other.slice(0, 60))}: the names that requests may bring are those of the config's allowed_context`,
    );
  }
  const pairs = [...Object.entries(context), ...Object.entries(given)];
  return asInvalid(() => parseContext(pairs.map(([name, value]) => `${name}=${value}`)));
}

/** What `config` shows, and what a policy's or a person's script may write back. */
export function shownConfig({ table, options, context, allowedContext, ttl }: Config) {
  const named = Object.fromEntries(addressNames.map((name) => [name, options[name] ?? '']));
  return {
    ...named,
    table,
    key: options.key ?? usualKey,
    context: { ...context },
    allowed_context: [...allowedContext],
    ttl,
  };
}

export function encodeConfig(config: Config): Buffer {
  return encodeStored(config);
}

export function decodeConfig(bytes: Buffer): Config {
  return decodeStored<Config>(bytes);
}

function parseNames(names: readonly string[]): readonly string[] {
  const right = names.length <= mostNames && names.every((name) => name !== '' && name.length <= longestName);
  if (!right) {
    throw new CofferError(
      'invalid_request',
      `allowed_context is a list of at most ${mostNames} names of pairs`,
    );
  }
  // With a name that KMS or Coffer keeps to itself no request could be right.
  asInvalid(() => parseContext([...new Set(names)].map((name) => `${name}=x`)));
  return [...new Set(names)];
}

function asInvalid<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    throw new CofferError('invalid_request', error.message, { cause: error });
  }
}

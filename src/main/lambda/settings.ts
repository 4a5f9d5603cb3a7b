/** The settings of a function: those of a server, from its environment alone, as far as they mean something there. */
import { loadRead } from '../../config/load.ts';
import { ConfigurationError, type Problem } from '../../config/problem.ts';
import type { Settings } from '../../config/settings.ts';
import { listenerTable, type Setting, table, variableOf } from '../../config/table.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Dialect } from '../../http/dialect/dialect.ts';
import { dynamodb } from '../../storage/dynamodb/type.ts';
import { postgres } from '../../storage/postgres/type.ts';
import type { StoragePlace, StorageType } from '../../storage/storage-type.ts';
import { openDialect, ownWire } from '../configured-dialects.ts';
import { openConfiguredSeals } from '../configured-seals.ts';

/** Stores that outlive a process which has no disk, and that many processes reach at a time. */
const storages: readonly StorageType[] = [dynamodb, postgres];

/** Settings that mean something where there is no listener, no disk, and no second request at a time. */
const meant: ReadonlySet<string> = new Set([
  'storage',
  'seal',
  'dialect',
  'oauth2',
  'default_lease_ttl',
  'max_lease_ttl',
  'limits.request_bytes',
  'limits.request_time',
  'limits.requests_per_second',
  'limits.burst',
  'limits.tokens_per_identity',
  'limits.leases_per_identity',
  'log.level',
  'audit.keep',
  'audit.targets',
  'aws.endpoints',
]);

export interface FunctionSettings {
  readonly settings: Settings;
  readonly place: StoragePlace;
  /** Undefined for the server's own wire, which is Vault's. */
  readonly dialect: Dialect | undefined;
  /** Of the parameters at which a store that does not exist yet is made; undefined where one has to be there. */
  readonly home: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws `ConfigurationError` with everything that is wrong, and `usage` for a storage or a seal that a function cannot have. */
export function functionSettings(env: Environment): FunctionSettings {
  const { settings, problems } = loadRead(
    { file: undefined, problems: [] },
    { flags: {}, env, directory: '/' },
  );
  const all = [...problems, ...meaningless(env)];
  if (all.length > 0) throw new ConfigurationError(all);
  return {
    settings,
    dialect: openDialect(settings.listeners[0]?.dialect ?? ownWire),
    place: placeOf(settings),
    home: env['COFFER_LAMBDA_HOME'] || undefined,
  };
}

/** What was set in the belief that it has an effect. */
function meaningless(env: Environment): readonly Problem[] {
  const rows: readonly (readonly [string, Setting<unknown>])[] = [
    ...Object.entries<Setting<unknown>>(table),
    ...Object.entries<Setting<unknown>>(listenerTable),
  ];
  return rows
    .filter(([name]) => !meant.has(name))
    .map(([name, setting]) => variableOf(name, setting))
    .filter((name) => (env[name] ?? '') !== '')
    .map((name) => ({ where: name, message: `${name} means nothing in a function: take it away` }));
}

function placeOf({ storage, seals }: Settings): StoragePlace {
  if (storage === undefined || seals.length === 0) {
    throw new CofferError(
      'usage',
      'a function needs COFFER_STORAGE (dynamodb:TABLE?region=REGION) and COFFER_SEAL (awskms:ARN of a key)',
    );
  }
  const scheme = storage.url.slice(0, storage.url.indexOf(':'));
  const type = storages.find(({ schemes }) => schemes.includes(scheme));
  if (type === undefined) {
    throw new CofferError(
      'usage',
      `COFFER_STORAGE: the store of a function is one of ${storages.map(({ form }) => form).join(', ')}`,
    );
  }
  try {
    openConfiguredSeals(seals, {});
    return type.parse(storage.url, storage.base);
  } catch (error) {
    throw new CofferError('usage', asCofferError(error).message, { cause: error });
  }
}

/**
 * Where a table is, in one line: `credstash://TABLE?region=eu-central-1&key=alias/K`.
 *
 *     key           the KMS key for new data keys (alias/credstash); reading takes whichever key wrapped
 *     kms_region    where that key is, when not where the table is
 *     format        coffer, credstash or credsmash: write it, and read nothing else
 *     context       KEY=VALUE of the encryption context; may be given several times
 *     kms_endpoint  as `endpoint`, which is DynamoDB's
 *     region, profile, endpoint, role_arn, external_id   as everywhere with AWS
 */
import { type AwsAccount, awsQueryNames, checkAwsAccount, parseAwsQuery } from '../aws/aws-options.ts';
import { CofferError } from '../errors.ts';
import { suggest } from '../suggest.ts';
import { type WrittenFormat, writtenFormats } from './format.ts';

export interface TableAddress {
  readonly table: string;
  /** As KMS names keys. */
  readonly key: string;
  readonly account: AwsAccount;
  readonly kmsAccount: AwsAccount;
  readonly format: WrittenFormat | undefined;
  /** Words of the context, not yet parsed. */
  readonly context: readonly string[];
}

export const usualKey = 'alias/credstash';
const ownNames = ['key', 'kms_region', 'kms_endpoint', 'format', 'context'] as const;

/** Throws `usage` for anything that is no address of a table, naming what would be. */
export function parseTableAddress(text: string): TableAddress {
  const [, table, queryText = ''] = /^credstash:\/\/([^/?#]*)\/?(?:\?([^#]*))?$/i.exec(text) ?? [];
  if (table === undefined || !/^[A-Za-z0-9_.-]{3,255}$/.test(table)) {
    throw wrong(
      'a table is named credstash://TABLE?region=…&key=alias/…, with 3 to 255 letters, digits and any of _.-',
    );
  }
  const query = new URLSearchParams(queryText);
  refuseUnknown(query);
  const account = known(() => parseAwsQuery(query));
  const kms = {
    ...account,
    region: one(query, 'kms_region') ?? account.region,
    endpoint: one(query, 'kms_endpoint'),
  };
  return {
    table,
    key: parseKey(one(query, 'key') ?? usualKey),
    account,
    kmsAccount: known(() => checkAwsAccount(kms)),
    format: parseFormat(one(query, 'format')),
    context: query.getAll('context'),
  };
}

function refuseUnknown(query: URLSearchParams): void {
  const names = [...awsQueryNames, ...ownNames];
  for (const name of query.keys()) {
    if (names.some((each) => each === name)) continue;
    const near = suggest(name, names);
    const hint = near === undefined ? `; options are ${names.join(', ')}` : ` (did you mean ${near}?)`;
    throw wrong(`a table has no option ${JSON.stringify(name.slice(0, 40))}${hint}`);
  }
}

function parseKey(key: string): string {
  if (/^(alias\/[\w/-]{1,250}|arn:aws[a-z-]*:kms:[\w:/-]{1,400}|[\w-]{1,256})$/.test(key)) return key;
  throw wrong('key is a key of KMS: alias/NAME, an ARN, or an id');
}

function parseFormat(text: string | undefined): WrittenFormat | undefined {
  const format = writtenFormats.find((each) => each === text);
  if (text === undefined || format !== undefined) return format;
  throw wrong(`format is one of: ${writtenFormats.join(', ')}`);
}

function one(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) throw wrong(`${name} is given more than once`);
  if (values[0] === '') throw wrong(`${name} is empty`);
  return values[0];
}

/** What the account's options say is wrong is a mistake in this address. */
function known<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof CofferError ? new CofferError('usage', error.message, { cause: error }) : error;
  }
}

function wrong(message: string): CofferError {
  return new CofferError('usage', message);
}

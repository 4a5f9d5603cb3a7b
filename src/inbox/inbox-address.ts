/**
 * Where an inbox is, in one line: `dynamodb:TABLE?region=eu-central-1`.
 *
 *     kms_region    where the key is, when not where the table is
 *     kms_endpoint  as `endpoint`, which is DynamoDB's
 *     region, profile, endpoint, role_arn, external_id   as everywhere with AWS
 */
import { type AwsAccount, awsQueryNames, checkAwsAccount, parseAwsQuery } from '../aws/aws-options.ts';
import { CofferError } from '../errors.ts';

export interface InboxAddress {
  readonly table: string;
  /** The KMS key that secrets are wrapped by: alias, ARN or id. */
  readonly key: string;
  readonly account: AwsAccount;
  readonly kmsAccount: AwsAccount;
}

const kmsNames = ['kms_region', 'kms_endpoint'] as const;

/** Throws `invalid_request` for anything that is no address of an inbox, saying what would be. */
export function parseInboxAddress(text: string, key: string): InboxAddress {
  const [, table, queryText = ''] = /^dynamodb:(?:\/\/)?([^/?#]*)\/?(?:\?([^#]*))?$/i.exec(text) ?? [];
  if (table === undefined) throw wrong('an inbox is named dynamodb:TABLE?region=…');
  const query = new URLSearchParams(queryText);
  const names: readonly string[] = [...awsQueryNames, ...kmsNames];
  const other = [...query.keys()].find((name) => !names.includes(name));
  if (other !== undefined) {
    throw wrong(
      `an inbox has no option ${JSON.stringify(other.slice(0, 40))}; options are ${names.join(', ')}`,
    );
  }
  const account = parseAwsQuery(query);
  const [region, endpoint] = kmsNames.map((name) => single(query, name));
  return inboxAddress(table, key, account, { region, endpoint });
}

/** The same, of parts. What is not said of KMS is as it is for the table. Throws `invalid_request`. */
export function inboxAddress(
  table: string,
  key: string,
  account: AwsAccount,
  kms: Pick<AwsAccount, 'region' | 'endpoint'>,
): InboxAddress {
  if (!/^[\w.-]{3,255}$/.test(table)) {
    throw wrong('a table is named by 3 to 255 letters, digits, "_", "-" and "."');
  }
  // Whoever unwraps names the key too: else a stranger's key, lent to everybody, would do as well.
  if (!/^(alias\/[\w/-]{1,250}|arn:aws[a-z-]*:kms:[\w:/-]{1,400}|[\w-]{1,256})$/.test(key)) {
    throw wrong('key is a key of KMS: alias/NAME, an ARN, or an id');
  }
  const kmsAccount = { ...account, region: kms.region ?? account.region, endpoint: kms.endpoint };
  return {
    table,
    key,
    account: checkAwsAccount(account),
    kmsAccount: checkAwsAccount(kmsAccount),
  };
}

function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) throw wrong(`"${name}" is given more than once`);
  if (values[0] === '') throw wrong(`"${name}" is empty`);
  return values[0];
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

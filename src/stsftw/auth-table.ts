/**
 * The table of accounts of the program stsftw: a row an account, keyed by issuer and account name, with the URL of its secret in
 * the clear. Rows may be of any hand: nothing in them is trusted.
 */
import { type AttributeMap, type AttributeValue, type DynamoClient, dynamoClient } from '../aws/dynamo.ts';
import { CofferError } from '../errors.ts';

/** One row, as far as it can be read. */
export interface AuthRow {
  readonly issuer: string;
  readonly account: string;
  /** Undefined where there is none. */
  readonly url: string | undefined;
  readonly roles: readonly string[];
  readonly authorizers: readonly string[];
  /** Attributes of a type that the old program skipped the whole row for. */
  readonly unreadable: readonly string[];
}

const attributes = ['issuer', 'account_name', 'url', 'roles', 'secondary_authorization'] as const;

/** @param env the process's environment; `STS_REGION` wins over AWS's own, as the old program had it */
export function openAuthTable(env: Readonly<Record<string, string | undefined>>): DynamoClient {
  const region = env['STS_REGION'];
  return dynamoClient({ env, ...(region === undefined || region === '' ? {} : { region }) });
}

/** Every row, by strongly consistent reads. Throws what AWS answers; `invalid_request` for what is no name of a table. */
export async function* readAuthRows(client: DynamoClient, table: string): AsyncGenerator<AuthRow, void> {
  if (!/^[\w.-]{3,255}$/.test(table))
    throw new CofferError(
      'invalid_request',
      'a table is named by 3 to 255 letters, digits, "_", "-" and "."',
    );
  const names = Object.fromEntries(attributes.map((name, at) => [`#${at}`, name]));
  const projection = Object.keys(names).join(', ');
  const pages = client.scanAll({
    TableName: table,
    ConsistentRead: true,
    ProjectionExpression: projection,
    ExpressionAttributeNames: names,
  });
  for await (const item of pages) yield rowOf(item);
}

function rowOf(item: AttributeMap): AuthRow {
  const unreadable: string[] = [];
  const text = (name: (typeof attributes)[number]) => {
    const value = item[name];
    if (isAbsent(value)) return undefined;
    if (value?.S !== undefined) return value.S === '' ? undefined : value.S;
    unreadable.push(name);
    return undefined;
  };
  const list = (name: (typeof attributes)[number]) => {
    const value = item[name];
    if (isAbsent(value)) return [];
    const members = value?.L?.map(({ S }) => S);
    if (members === undefined || members.includes(undefined)) {
      unreadable.push(name);
      return [];
    }
    return [...new Set(members.filter((each): each is string => each !== undefined && each !== ''))];
  };
  return {
    issuer: text('issuer') ?? '',
    account: text('account_name') ?? '',
    url: text('url'),
    roles: list('roles'),
    authorizers: list('secondary_authorization'),
    unreadable,
  };
}

/** An empty list or text was written as the type NULL; a missing attribute means the same. */
function isAbsent(value: AttributeValue | undefined): boolean {
  return value === undefined || value.NULL === true;
}

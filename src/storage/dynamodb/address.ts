/**
 * Where a store in DynamoDB is: `dynamodb:TABLE?region=eu-central-1`.
 *
 *     region, profile, endpoint, role_arn, external_id   as everywhere with AWS
 *     kms_key               for a new table: the KMS key that DynamoDB encrypts it with (AWS's own)
 *     tag                   for a new table: KEY=VALUE; may be given several times
 *     recovery              for a new table: `off` for no point-in-time recovery (on)
 *     deletion_protection   for a new table: `off` for none (on)
 */
import { type AwsAccount, awsQueryNames, parseAwsQuery } from '../../aws/aws-options.ts';
import { CofferError } from '../../errors.ts';
import { suggest } from '../../suggest.ts';

/** What a table is made with. */
export interface TableWishes {
  /** As KMS names keys; undefined for AWS's own. */
  readonly kmsKey: string | undefined;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly recovery: boolean;
  readonly deletionProtection: boolean;
}

export interface DynamoAddress {
  readonly table: string;
  readonly account: AwsAccount;
  readonly wishes: TableWishes;
  /** The same place for messages and files: its table, and what of region and endpoint was said. */
  readonly place: string;
}

const ownNames = ['kms_key', 'tag', 'recovery', 'deletion_protection'] as const;
const names: readonly string[] = [...awsQueryNames, ...ownNames];
const mostTags = 50;

/** Throws `invalid_request` with what is wrong. Credentials have no place in it: they come from where AWS's own tools have them. */
export function parseDynamoAddress(text: string): DynamoAddress {
  const [, table = '', queryText = ''] = /^dynamodb:([^?#]*)(?:\?([^#]*))?$/.exec(text) ?? [];
  if (!/^[A-Za-z0-9_.-]{3,255}$/.test(table)) {
    throw wrong(
      'a DynamoDB store is dynamodb:TABLE?region=…, its table 3 to 255 letters, digits and any of _.-',
    );
  }
  const query = new URLSearchParams(queryText);
  refuseUnknown(query);
  const account = parseAwsQuery(query);
  const { region, endpoint } = account;
  const said = [
    ...(region === undefined ? [] : [`region=${region}`]),
    ...(endpoint === undefined ? [] : [`endpoint=${endpoint}`]),
  ];
  return {
    table,
    account,
    wishes: {
      kmsKey: parseKey(one(query, 'kms_key')),
      tags: parseTags(query.getAll('tag')),
      recovery: parseSwitch(query, 'recovery'),
      deletionProtection: parseSwitch(query, 'deletion_protection'),
    },
    place: `dynamodb:${table}${said.length === 0 ? '' : `?${said.join('&')}`}`,
  };
}

/** What stands in place of a name may be a key that was pasted: only what looks like a name is repeated. */
function refuseUnknown(query: URLSearchParams): void {
  for (const name of query.keys()) {
    if (names.includes(name)) continue;
    const near = suggest(name, names);
    const which = /^[a-z_-]{1,30}$/.test(name) ? ` ${JSON.stringify(name)}` : ' of that name';
    const hint = near === undefined ? `; options are ${names.join(', ')}` : ` (did you mean ${near}?)`;
    throw wrong(`a DynamoDB store has no option${which}${hint}`);
  }
}

function parseKey(key: string | undefined): string | undefined {
  if (
    key === undefined ||
    /^(alias\/[\w/-]{1,250}|arn:aws[a-z-]*:kms:[\w:/-]{1,400}|[\w-]{1,256})$/.test(key)
  ) {
    return key;
  }
  throw wrong('kms_key is a key of KMS: alias/NAME, an ARN, or an id');
}

/** Lengths and letters as DynamoDB's manual has them ("Tagging restrictions"). */
function parseTags(words: readonly string[]): TableWishes['tags'] {
  const tags = words.map((word) => {
    const equals = word.indexOf('=');
    const [Key, Value] = [word.slice(0, Math.max(0, equals)), word.slice(equals + 1)];
    const fits =
      /^[\p{L}\p{N}\p{Z}+\-=._:/@]{1,128}$/u.test(Key) && /^[\p{L}\p{N}\p{Z}+\-=._:/@]{0,256}$/u.test(Value);
    if (fits && !/^aws:/i.test(Key)) return { Key, Value };
    throw wrong(
      "a tag is KEY=VALUE, at most 128 and 256 letters, digits, spaces and any of +-=._:/@, and not AWS's own",
    );
  });
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length) throw wrong('a tag is given more than once');
  if (tags.length > mostTags) throw wrong(`a table has at most ${mostTags} tags`);
  return tags;
}

function parseSwitch(query: URLSearchParams, name: 'recovery' | 'deletion_protection'): boolean {
  const word = one(query, name) ?? 'on';
  if (word !== 'on' && word !== 'off') throw wrong(`${name} is on or off`);
  return word === 'on';
}

function one(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) throw wrong(`${name} is given more than once`);
  if (values[0] === '') throw wrong(`${name} is empty`);
  return values[0];
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

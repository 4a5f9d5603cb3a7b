/** Where a KMS key is, as settings and people write it: `awskms:KEY?region=…`. */
import { type AwsAccount, awsQueryNames, parseAwsQuery } from '../../aws/aws-options.ts';
import { CofferError } from '../../errors.ts';

export const awskmsKind = 'awskms';

export interface KmsAddress {
  /** As KMS takes it: a key's id or ARN, `alias/NAME`, or an alias's ARN. */
  readonly key: string;
  readonly account: AwsAccount;
}

export interface KmsKeyArn {
  readonly region: string;
  readonly accountId: string;
  /** A uuid, or `mrk-…`, which is alike in several regions. */
  readonly keyId: string;
}

const keyId = '(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})';
const alias = 'alias/[A-Za-z0-9/_-]{1,250}';
const arnHead = 'arn:aws[a-z-]{0,20}:kms:([a-z]{2}[a-z0-9-]{1,40}):(\\d{12})';
const keyForms = new RegExp(`^(?:${keyId}|${alias}|${arnHead}:(?:key/${keyId}|${alias}))$`);
const keyArn = new RegExp(`^${arnHead}:key/(${keyId})$`);

/** Throws `invalid_request`, saying what is wrong; asks nobody. */
export function parseKmsAddress(text: string): KmsAddress {
  const [, key = '', query = ''] = /^awskms:([^?]*)(?:\?(.*))?$/s.exec(text) ?? [];
  if (text.length > 4_096 || !keyForms.test(key)) {
    throw new CofferError(
      'invalid_request',
      'a KMS key is named by awskms:alias/NAME?region=REGION, or by its id or ARN in place of the alias',
    );
  }
  const options = new URLSearchParams(query);
  const unknown = [...options.keys()].find((name) => !awsQueryNames.some((known) => known === name));
  if (unknown !== undefined) {
    throw new CofferError(
      'invalid_request',
      `an address of a KMS key has no option ${JSON.stringify(unknown.slice(0, 40))}; it has ${awsQueryNames.join(', ')}`,
    );
  }
  const account = parseAwsQuery(options);
  const ofArn = /^arn:[^:]*:kms:([^:]*):/.exec(key)?.[1];
  if (ofArn === undefined) return { key, account };
  if (account.region !== undefined && account.region !== ofArn) {
    throw new CofferError('invalid_request', `the KMS key is in ${ofArn}, and region says ${account.region}`);
  }
  return { key, account: { ...account, region: ofArn } };
}

/** The parts of a key's own ARN; undefined for anything else. */
export function parseKeyArn(text: string): KmsKeyArn | undefined {
  const [, region, accountId, id] = keyArn.exec(text) ?? [];
  return region === undefined || accountId === undefined || id === undefined
    ? undefined
    : { region, accountId, keyId: id };
}

/** Whether an address may mean this key: only KMS knows where an alias points. */
export function mayMean(named: string, { region, accountId, keyId: id }: KmsKeyArn): boolean {
  if (/(^|:)alias\//.test(named)) return true;
  const arn = parseKeyArn(named);
  if (arn === undefined) return named === id;
  const alike = arn.region === region || id.startsWith('mrk-');
  return alike && arn.accountId === accountId && arn.keyId === id;
}

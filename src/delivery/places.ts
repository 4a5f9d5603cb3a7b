/**
 * Where the server's own configuration lets deliveries go. They are written with the server's own identity, into other people's places: who may configure an
 * application must not be able to point that identity anywhere. The lists are read anew at each call, so that one which became narrower counts at once.
 */
import { wrongTarget } from './address.ts';

export interface DeliveryPlaces {
  /** Absolute directories at and below which applications' folders may be. */
  readonly directories: readonly string[];
  /** The one of them that the server makes where it is missing; undefined where there is none. */
  readonly ownDirectory: string | undefined;
  /** `BUCKET` or `BUCKET@ACCOUNT`, with `*` for any text in the bucket's name. */
  readonly s3: readonly string[];
  /** `PREFIX`, `PREFIX@REGION` or `PREFIX@REGION/ACCOUNT`, with `*` for any text in the prefix, or for any region. */
  readonly secretsmanager: readonly string[];
  readonly ssm: readonly string[];
  /** `https://HOST:PORT/NAMESPACE`, with `*` for any text in the namespace; behind `?` files of token and certificates. */
  readonly kubernetes: readonly string[];
}

/** Asked at each call, for what is listed now. */
export type ListedPlaces = () => DeliveryPlaces;

export const noDeliveryPlaces: DeliveryPlaces = {
  directories: [],
  ownDirectory: undefined,
  s3: [],
  secretsmanager: [],
  ssm: [],
  kubernetes: [],
};

/** `*` stands for any text, the empty one and one with `/` too; all else for itself. Linear in both. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/**
 * The account that must own a bucket, or undefined where the list says none. The first entry that fits counts.
 *
 * @param owner as the address has it
 * @throws `invalid_request` that names the setting, where no entry fits
 */
export function requireBucket(
  bucket: string,
  owner: string | undefined,
  { s3 }: DeliveryPlaces,
): string | undefined {
  for (const entry of s3) {
    const [pattern = '', account] = entry.split('@');
    if (!matchesPattern(pattern, bucket)) continue;
    if (account === undefined || owner === undefined || owner === account) return owner ?? account;
  }
  throw notListed(`the bucket ${bucket}${owner === undefined ? '' : ` of account ${owner}`}`, 'delivery.s3');
}

/** Of an account's own store of secrets: what an entry wants besides the prefix. */
export interface ListedPrefix {
  /** Accounts that the server's identity may be of; any if empty. */
  readonly accounts: readonly string[];
}

/** @throws `invalid_request` that names the setting, where no entry fits */
export function requirePrefix(
  setting: 'secretsmanager' | 'ssm',
  prefix: string,
  region: string | undefined,
  places: DeliveryPlaces,
): ListedPrefix {
  const accounts: string[] = [];
  let found = false;
  for (const entry of places[setting]) {
    const [pattern = '', where = '*'] = entry.split('@');
    const [inRegion = '*', account] = where.split('/');
    if (!matchesPattern(pattern, prefix) || (inRegion !== '*' && inRegion !== region)) continue;
    if (account === undefined) return { accounts: [] };
    found = true;
    accounts.push(account);
  }
  if (found) return { accounts };
  throw notListed(
    `the prefix ${prefix}${region === undefined ? '' : ` in ${region}`}`,
    `delivery.${setting}`,
  );
}

export function notListed(what: string, setting: string): Error {
  return wrongTarget(
    `${what} is not among the places that the server’s own configuration lists (${setting})`,
  );
}

/** A cluster's API server, and where its files are. */
export interface ListedCluster {
  /** With a port unless it is 443. */
  readonly host: string;
  /** Files of a token and of the cluster's certificates; undefined for the pod's own. */
  readonly files: { readonly token: string; readonly ca: string } | undefined;
}

/** The first entry that fits counts. @throws `invalid_request` that names the setting, where none does */
export function requireNamespace(
  host: string,
  namespace: string,
  { kubernetes }: DeliveryPlaces,
): ListedCluster {
  for (const entry of kubernetes) {
    const url = URL.canParse(entry) ? new URL(entry) : undefined;
    if (url?.host !== host || !matchesPattern(url.pathname.slice(1), namespace)) continue;
    const [token, ca] = [url.searchParams.get('token'), url.searchParams.get('ca')];
    return { host, files: token === null || ca === null ? undefined : { token, ca } };
  }
  throw notListed(`the namespace ${namespace} at ${host}`, 'delivery.kubernetes');
}

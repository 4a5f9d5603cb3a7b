/**
 * Whom a service account's token names. Nothing of it is believed yet: what it says must be what the API server says, and is
 * looked at first only because most of what is wrong can be told without asking anybody.
 */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of a token kept in a secret; empty for those of pods. */
  readonly secretName: string;
}

const legacy = 'kubernetes.io/serviceaccount';

/** The two shapes of claims: bound tokens (`kubernetes.io`), and those of secrets. Throws `invalid_request`. */
export function serviceAccountOf(claims: JsonObject): ServiceAccount {
  const bound = claims['kubernetes.io'];
  const account = isJsonObject(bound) ? shapeOfBound(bound) : shapeOfSecret(claims);
  const { namespace, name, uid, secretName } = account;
  if (![namespace, name].every(isDnsName) || !isText(uid) || !isText(secretName) || uid === '')
    throw notOne();
  // The two ways in which a token says it must agree.
  if (claims['sub'] !== userNameOf({ namespace, name } as ServiceAccount)) throw notOne();
  return { namespace: String(namespace), name: String(name), uid, secretName };
}

type Shape = Readonly<Record<keyof ServiceAccount, JsonValue | undefined>>;

function shapeOfBound(bound: JsonObject): Shape {
  const account = isJsonObject(bound['serviceaccount']) ? bound['serviceaccount'] : {};
  const secret = isJsonObject(bound['secret']) ? bound['secret'] : {};
  return {
    namespace: bound['namespace'],
    name: account['name'],
    uid: account['uid'],
    secretName: secret['name'] ?? '',
  };
}

function shapeOfSecret(claims: JsonObject): Shape {
  return {
    namespace: claims[`${legacy}/namespace`],
    name: claims[`${legacy}/service-account.name`],
    uid: claims[`${legacy}/service-account.uid`],
    secretName: claims[`${legacy}/secret.name`] ?? '',
  };
}

/** What the API server calls it. */
export function userNameOf({ namespace, name }: Pick<ServiceAccount, 'namespace' | 'name'>): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

function isDnsName(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value);
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.length <= 253;
}

function notOne(): CofferError {
  return new CofferError('invalid_request', 'the token is not of a service account');
}

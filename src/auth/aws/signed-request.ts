/**
 * The request to STS that a client has signed, taken apart. Nothing of it is passed on as it came: each part has to be the one thing
 * that it can be, and what goes to STS is put together anew from parts that were checked (OSV: CVE-2020-16250).
 *
 * Signature Version 4: AWS IAM User Guide, "Create a signed AWS API request".
 */
import { equalBytes, sha256 } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import { type StsHost, stsHost } from './sts-hosts.ts';

/** As the fields of a login have it. */
export interface SentRequest {
  readonly method: string;
  /** Base64. */
  readonly url: string;
  readonly body: string;
  /** Names in lower case; a name that came twice has two values. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

export interface RequestRules {
  /** Host, with a port where it has one, of the STS that was configured; undefined for AWS's own. */
  readonly configuredHost: string | undefined;
  /** The one region whose hosts are taken; empty for all. */
  readonly region: string;
  /** Empty where none is asked for. */
  readonly serverId: string;
  /** Further headers, in lower case. */
  readonly allowedHeaders: readonly string[];
}

export interface SignedRequest {
  /** The host that was signed for: AWS's, or the configured one. */
  readonly host: string;
  /** What AWS's hosts are; undefined for the configured one. */
  readonly sts: StsHost | undefined;
  /** All that are sent: those that the signature covers, and the signature. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly signedAt: number;
  /** Hexadecimal. */
  readonly signature: string;
}

/** What is asked of STS, byte for byte. */
export const identityQuestion = 'Action=GetCallerIdentity&Version=2011-06-15';

/** Milliseconds before and after our own time at which a request may have been signed. */
export const signedWithin = 15 * 60_000;

const serverIdHeader = 'x-vault-aws-iam-server-id';
const usualHeaders: ReadonlySet<string> = new Set([
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'authorization',
  'content-length',
  'content-type',
  'host',
  'user-agent',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  serverIdHeader,
]);
/** Change what STS answers, or how a request is read: no config may let them through. */
const neverHeaders =
  /^(?:accept|accept-.*|connection|content-encoding|content-range|cookie|expect|forwarded|keep-alive|proxy-.*|range|te|trailer|transfer-encoding|upgrade|via|x-amz-target|x-forwarded-.*|x-http-method.*|x-method-override)$/;
const mostHeaders = 32;
const longestHeader = 8_192;
/** Characters of base64; a URL of STS and its question are much shorter. */
const longestPart = 1_024;

const authorizationForm =
  /^AWS4-HMAC-SHA256 Credential=\w{16,128}\/(\d{8})\/([a-z0-9-]{1,40})\/sts\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,1024}), ?Signature=([0-9a-f]{64})$/;

/** Rejects with `permission_denied` and the reason, which stays inside. */
export function parseSignedRequest(sent: SentRequest, rules: RequestRules, now: number): SignedRequest {
  if (sent.method !== 'POST') throw refused('the method is not POST');
  if (textOf(sent.body) !== identityQuestion) throw refused('the body is not the one question');
  const host = hostOf(textOf(sent.url));
  const headers = singleHeaders(sent.headers, rules);
  const { host: named = host } = headers;
  if (named !== host) throw refused('the header Host is another than the host of the URL');
  const { date, region, signed, signature } = authorizationOf(headers);
  const sts = placeOf(host, region, rules);
  const signedAt = signingTime(headers, date);
  if (Math.abs(now - signedAt) > signedWithin) throw refused('it was signed too long ago, or in the future');
  checkServerId(headers, rules.serverId);
  checkBodyHeaders(headers);
  checkCovered(headers, signed);
  return { host, sts, headers: sentHeaders({ ...headers, host }, signed), signedAt, signature };
}

/** Exactly `https://host/`, or http with a configured host: no user, path, query or fragment, and nothing a parser would forgive. */
function hostOf(url: string): string {
  const host = /^https?:\/\/([a-z0-9.-]{1,253}(?::\d{1,5})?)\/?$/.exec(url)?.[1];
  if (host === undefined) throw refused('the URL is not the root of a host');
  if (stsHost(host) !== undefined && !url.startsWith('https:')) throw refused('the URL is not https');
  return host;
}

function singleHeaders(
  sent: SentRequest['headers'],
  { allowedHeaders }: RequestRules,
): Readonly<Record<string, string>> {
  const all = Object.entries(sent);
  if (all.length > mostHeaders) throw refused('there are too many headers');
  const single: Record<string, string> = {};
  for (const [name, values] of all) {
    const known = usualHeaders.has(name) || allowedHeaders.includes(name);
    if (!known || neverHeaders.test(name)) throw refused('there is a header that is not allowed');
    const [value, another] = values;
    if (value === undefined || another !== undefined) throw refused('a header has not exactly one value');
    // Printable, and neither begun nor ended by a space: signer, sender and receiver all see the same text.
    if (value.length > longestHeader || !/^[!-~](?:[ -~]*[!-~])?$/.test(value))
      throw refused('a header holds what none may');
    single[name] = value;
  }
  return single;
}

interface Authorization {
  readonly date: string;
  readonly region: string;
  readonly signed: ReadonlySet<string>;
  readonly signature: string;
}

function authorizationOf({ authorization = '' }: Readonly<Record<string, string>>): Authorization {
  const [, date, region, list, signature] = authorizationForm.exec(authorization) ?? [];
  if (date === undefined || region === undefined || list === undefined || signature === undefined)
    throw refused('the header Authorization is no signature of version 4 for STS');
  const names = list.split(';');
  // In order and each once, as they are signed.
  if (names.some((name, at) => at > 0 && name <= (names[at - 1] ?? '')))
    throw refused('the names of the signed headers are not in order');
  return { date, region, signed: new Set(names), signature };
}

function placeOf(host: string, region: string, rules: RequestRules): StsHost | undefined {
  const sts = stsHost(host);
  if (sts === undefined) {
    if (host !== rules.configuredHost) throw refused('the host is not one of STS');
    return undefined;
  }
  // A configured STS takes what was signed for AWS's, as clients do that know nothing of it, in whichever region they think they are.
  if (rules.configuredHost === undefined && sts.region !== region)
    throw refused('the signature is for another region than the host');
  if (rules.region !== '' && rules.region !== region) throw refused('the signature is for another region');
  return sts;
}

/** `20261122T150000Z`, of the day that the signature's scope names. */
function signingTime({ 'x-amz-date': text = '' }: Readonly<Record<string, string>>, day: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)?.slice(1) ?? [];
  const [year, month, date, hour, minute, second] = parts;
  const at = Date.parse(`${year}-${month}-${date}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(at) || !text.startsWith(day))
    throw refused('the header X-Amz-Date is no time, or of another day than the signature');
  return at;
}

function checkServerId({ [serverIdHeader]: sent = '' }: Readonly<Record<string, string>>, wanted: string) {
  if (wanted === '') return;
  if (!equalBytes(sha256(sent), sha256(wanted)))
    throw refused('the header X-Vault-AWS-IAM-Server-ID does not name this server');
}

function checkBodyHeaders(headers: Readonly<Record<string, string>>): void {
  const {
    'content-type': type = '',
    'content-length': length = String(identityQuestion.length),
    'x-amz-content-sha256': digest = bodyDigest,
  } = headers;
  if (!/^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i.test(type))
    throw refused('the header Content-Type is not that of a form');
  if (length !== String(identityQuestion.length))
    throw refused('the header Content-Length is not the body’s');
  if (digest !== bodyDigest) throw refused('the header X-Amz-Content-Sha256 is not the body’s');
}

const bodyDigest = sha256(identityQuestion).toString('hex');

/** The headers that STS or we go by are signed, and whatever is signed is there. */
function checkCovered(headers: Readonly<Record<string, string>>, signed: ReadonlySet<string>): void {
  for (const name of ['host', 'x-amz-date']) {
    if (!signed.has(name)) throw refused(`the signature does not cover ${name}`);
  }
  for (const name of Object.keys(headers)) {
    const counts = name.startsWith('x-amz-') || name === serverIdHeader;
    if (counts && !signed.has(name)) throw refused(`the signature does not cover ${name}`);
  }
  for (const name of signed) {
    const there = name === 'host' || (name !== 'authorization' && headers[name] !== undefined);
    if (!there) throw refused('the signature covers a header that is not there');
  }
}

function sentHeaders(
  headers: Readonly<Record<string, string>>,
  signed: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  // The body's length is counted when it is sent. What was not signed says nothing, but for the form that the body has.
  const sends = (name: string) =>
    name === 'authorization' || name === 'content-type' || (signed.has(name) && name !== 'content-length');
  return Object.fromEntries(Object.entries(headers).filter(([name]) => sends(name)));
}

/** Base64 of printable ASCII, in its one spelling. */
function textOf(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  if (base64 === '' || base64.length > longestPart || bytes.toString('base64') !== base64)
    throw refused('a part of the request is not base64');
  const text = bytes.toString('latin1');
  if (!/^[!-~]+$/.test(text)) throw refused('a part of the request holds what none may');
  return text;
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', `the signed request proves nothing: ${reason}`);
}

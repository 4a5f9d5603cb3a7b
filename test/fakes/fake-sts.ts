/**
 * What STS answers to GetCallerIdentity, at an address of this machine: it records what came, checks signatures of the keys that it
 * knows as AWS does (Signature Version 4), and can be told to answer anything else. IAM's questions are refused: this server
 * has no rights there, unless a role is known.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  /** Names as they came, each with its value. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Signer {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token?: string;
}

export interface KnownCaller extends Signer {
  readonly arn: string;
  readonly userId: string;
  readonly account: string;
}

/** Of IAM, by name. */
export interface KnownRole {
  readonly arn: string;
  readonly id: string;
}

export class FakeSts {
  readonly seen: SeenRequest[] = [];
  readonly callers: KnownCaller[] = [];
  readonly roles = new Map<string, KnownRole>();
  /** Names that IAM was asked for. */
  readonly askedRoles: string[] = [];
  /** In place of an answer about a caller. */
  instead: ((response: ServerResponse, good: string) => void) | undefined;
  /** Waited for before each answer. */
  gate: Promise<void> | undefined;
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #server: Server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  async open(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    if (body.includes('Action=GetRole')) return this.#answerRole(body, response);
    const headers: (readonly [string, string])[] = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2)
      headers.push([request.rawHeaders[at] ?? '', request.rawHeaders[at + 1] ?? '']);
    const seen = { method: request.method ?? '', url: request.url ?? '', headers, body };
    this.seen.push(seen);
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    await this.gate;
    this.#atOnce -= 1;
    const caller = this.callers.find((each) => isSignedBy(seen, each));
    const good = caller === undefined ? '' : callerAnswer(caller);
    if (this.instead !== undefined) return this.instead(response, good);
    if (caller !== undefined) return xml(response, 200, good);
    xml(response, 403, '<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>');
  }

  #answerRole(body: string, response: ServerResponse): void {
    const name = new URLSearchParams(body).get('RoleName') ?? '';
    this.askedRoles.push(name);
    const role = this.roles.get(name);
    if (role === undefined) {
      const error = '<Error><Code>AccessDenied</Code><Message>no</Message></Error>';
      xml(response, 403, `<ErrorResponse>${error}</ErrorResponse>`);
      return;
    }
    const inside = `<Path>/</Path><RoleName>${name}</RoleName><RoleId>${role.id}</RoleId><Arn>${role.arn}</Arn>`;
    const result = `<GetRoleResult><Role>${inside}<CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult>`;
    const space = 'https://iam.amazonaws.com/doc/2010-05-08/';
    xml(response, 200, `<GetRoleResponse xmlns="${space}">${result}</GetRoleResponse>`);
  }
}

export function xml(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/xml' }).end(text);
}

export function callerAnswer({ arn, userId, account }: Omit<KnownCaller, keyof Signer>): string {
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>${arn}</Arn>
    <UserId>${userId}</UserId>
    <Account>${account}</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`;
}

export interface SigningOrder {
  readonly host?: string;
  readonly region?: string;
  readonly service?: string;
  readonly method?: string;
  readonly url?: string;
  readonly body?: string;
  /** Milliseconds. */
  readonly at: number;
  /** Besides Host, Content-Type, X-Amz-Date and the session's token; all are signed. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The four fields of a login, as clients make them. */
export type SignedFields = {
  readonly iam_http_request_method: string;
  readonly iam_request_url: string;
  readonly iam_request_body: string;
  readonly iam_request_headers: string;
};

export const question = 'Action=GetCallerIdentity&Version=2011-06-15';

/** Headers of a signed request, with names as clients spell them. */
export function signedHeaders(signer: Signer, order: SigningOrder): Record<string, string> {
  const { host = 'sts.amazonaws.com', region = 'us-east-1', service = 'sts', method = 'POST' } = order;
  const time = new Date(order.at).toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {
    Host: host,
    'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
    'X-Amz-Date': time,
    ...(signer.token === undefined ? {} : { 'X-Amz-Security-Token': signer.token }),
    ...order.headers,
  };
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const names = Object.keys(headers)
    .map((name) => name.toLowerCase())
    .toSorted();
  const lower = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const signature = signatureOf(signer.secretKey, {
    method,
    body: order.body ?? question,
    time,
    scope,
    names,
    headers: lower,
  });
  headers['Authorization'] =
    `AWS4-HMAC-SHA256 Credential=${signer.accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return headers;
}

export function signedLogin(signer: Signer, order: SigningOrder): SignedFields {
  const headers = signedHeaders(signer, order);
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return {
    iam_http_request_method: order.method ?? 'POST',
    iam_request_url: base64(order.url ?? `https://${order.host ?? 'sts.amazonaws.com'}/`),
    iam_request_body: base64(order.body ?? question),
    iam_request_headers: base64(JSON.stringify(lists)),
  };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

interface Signing {
  readonly method: string;
  readonly body: string;
  readonly time: string;
  readonly scope: string;
  readonly names: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

function signatureOf(secret: string, { method, body, time, scope, names, headers }: Signing): string {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  const lines = names.map((name) => `${name}:${headers[name] ?? ''}\n`).join('');
  const canonical = [method, '/', '', lines, names.join(';'), digest(body)].join('\n');
  const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
  const key = scope.split('/').reduce<Buffer | string>((last, part) => hmac(last, part), `AWS4${secret}`);
  return hmac(key, ['AWS4-HMAC-SHA256', time, scope, digest(canonical)].join('\n')).toString('hex');
}

function isSignedBy(seen: SeenRequest, caller: KnownCaller): boolean {
  const headers = Object.fromEntries(seen.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const form = /Credential=(\w+)\/(\S+), SignedHeaders=(\S+), Signature=(\w+)$/;
  const [, key, scope = '', names = '', signature] = form.exec(headers['authorization'] ?? '') ?? [];
  if (key !== caller.accessKey || headers['x-amz-security-token'] !== caller.token) return false;
  const time = headers['x-amz-date'] ?? '';
  const { method, body } = seen;
  return (
    signature ===
    signatureOf(caller.secretKey, { method, body, time, scope, names: names.split(';'), headers })
  );
}

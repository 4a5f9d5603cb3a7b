/**
 * The places where programs on AWS get their credentials, on one port of this machine: a container's agent, an instance's metadata
 * service, STS and IAM Identity Center. Each gives keys of its own name, so that a request tells by its signature who made it.
 * DynamoDB and KMS are there too, as far as writing one secret goes.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CredentialPlaces {
  readonly endpoint: string;
  /** Every request, as it came. */
  readonly requests: readonly SeenRequest[];
  close(): Promise<void>;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Far enough that nobody fetches them twice. */
const expiration = '2099-01-01T00:00:00Z';

export async function startCredentialPlaces(): Promise<CredentialPlaces> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const seen = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
    requests.push(seen);
    const { status = 200, text, ...more } = answerTo(seen);
    response.writeHead(status, { 'content-type': 'application/json', ...more.headers }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status?: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function answerTo(request: SeenRequest): Answer {
  const target = String(request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
  if (target !== '') return { text: JSON.stringify(services[target] ?? {}) };
  const { pathname } = new URL(request.path, 'http://place');
  const role = '/latest/meta-data/iam/security-credentials/';
  if (pathname === '/container') return { text: JSON.stringify(agentKeys('CONTAINER')) };
  if (pathname === '/latest/api/token') {
    return { text: 'of-the-instance', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' } };
  }
  if (pathname === role) return { text: 'web-server' };
  if (pathname === `${role}web-server`) return { text: JSON.stringify(agentKeys('INSTANCE')) };
  if (pathname === '/federation/credentials') return { text: JSON.stringify(identityCenterKeys()) };
  const action = new URLSearchParams(request.body).get('Action');
  if (action !== null) return { text: assumed(action), headers: { 'content-type': 'text/xml' } };
  return { status: 404, text: '{}' };
}

const services: Readonly<Record<string, unknown>> = {
  Query: { Items: [] },
  Scan: { Items: [] },
  GenerateDataKey: {
    Plaintext: Buffer.alloc(32, 7).toString('base64'),
    CiphertextBlob: Buffer.from('wrapped').toString('base64'),
    KeyId: 'arn:aws:kms:eu-central-1:111122223333:key/1',
  },
};

/** As the agents of containers and instances write them. */
function agentKeys(whose: string) {
  return {
    Code: 'Success',
    AccessKeyId: `AKIA${whose}`,
    SecretAccessKey: `secret of ${whose}`,
    Token: `session of ${whose}`,
    Expiration: expiration,
  };
}

function identityCenterKeys() {
  return {
    roleCredentials: {
      accessKeyId: 'AKIASSO',
      secretAccessKey: 'secret of SSO',
      sessionToken: 'session of SSO',
      expiration: Date.parse(expiration),
    },
  };
}

function assumed(action: string): string {
  const whose = action === 'AssumeRoleWithWebIdentity' ? 'WEBIDENTITY' : 'ASSUMED';
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>
    <AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/app/x</Arn></AssumedRoleUser>
    <Credentials><AccessKeyId>AKIA${whose}</AccessKeyId><SecretAccessKey>secret of ${whose}</SecretAccessKey>
    <SessionToken>session of ${whose}</SessionToken><Expiration>${expiration}</Expiration></Credentials>
  </${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`;
}

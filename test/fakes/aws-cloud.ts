/** IAM and STS as moto plays them, asked by tests: what is there, and who somebody is. */
import type { Moto } from '../setup/moto.ts';
import { testRegion } from './moto-calls.ts';

export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

export const account = '123456789012';

export class AwsCloud {
  readonly endpoint: string;

  constructor({ endpoint }: Pick<Moto, 'endpoint'>) {
    this.endpoint = endpoint;
  }

  /** A user with any rights that moto is not asked about, and its key. */
  async makeUser(name: string): Promise<Keys> {
    await this.iam('CreateUser', { UserName: name });
    return this.makeKey(name);
  }

  async makeKey(name: string): Promise<Keys> {
    const made = await this.iam('CreateAccessKey', { UserName: name });
    const [accessKey = '', secretKey = ''] = [one(made, 'AccessKeyId'), one(made, 'SecretAccessKey')];
    return { accessKey, secretKey };
  }

  /** Names of users that begin so. */
  async users(prefix = ''): Promise<readonly string[]> {
    const names = every(await this.iam('ListUsers'), 'UserName');
    return names.filter((name) => name.startsWith(prefix));
  }

  async keys(user: string): Promise<readonly string[]> {
    return every(await this.iam('ListAccessKeys', { UserName: user }), 'AccessKeyId');
  }

  /** ARN of whoever has this key; moto believes any signature. */
  async whoIs(accessKey: string): Promise<string> {
    return one(await this.#ask('sts', '2011-06-15', { Action: 'GetCallerIdentity' }, accessKey), 'Arn');
  }

  iam(action: string, parameters: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.#ask('iam', '2010-05-08', { Action: action, ...parameters });
  }

  async #ask(
    service: string,
    version: string,
    parameters: Readonly<Record<string, string>>,
    accessKey = 'AKIAIOSFODNN7EXAMPLE',
  ): Promise<string> {
    const scope = `${accessKey}/20261122/${service === 'iam' ? 'us-east-1' : testRegion}/${service}/aws4_request`;
    const answer = await fetch(this.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
      },
      body: new URLSearchParams({ Version: version, ...parameters }),
    });
    if (!answer.ok) throw new Error(`${parameters['Action']}: ${answer.status} ${await answer.text()}`);
    return answer.text();
  }
}

function every(xml: string, tag: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([^<]*)<`, 'g'))].map(([, text = '']) => text);
}

function one(xml: string, tag: string): string {
  return every(xml, tag)[0] ?? '';
}

/** What tests ask of AWS that the product never does: making keys, switching them off, making users. */
import type { JsonObject } from '../../src/json.ts';
import type { Moto } from '../setup/moto.ts';

/** The region that tests use unless they are about regions. */
export const testRegion = 'eu-central-1';

/** One call of KMS (`TrentService.…`), the Parameter Store (`AmazonSSM.…`) or DynamoDB (`DynamoDB_20120810.…`). */
export async function askMoto(
  { endpoint }: Pick<Moto, 'endpoint'>,
  target: string,
  body: JsonObject,
  region: string = testRegion,
): Promise<JsonObject> {
  const services: Readonly<Record<string, string>> = { TrentService: 'kms', AmazonSSM: 'ssm' };
  const service = services[target.split('.', 1)[0] ?? ''] ?? 'dynamodb';
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': target,
      authorization: credential(service, region),
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${target}: ${answer.status} ${await answer.text()}`);
  const text = await answer.text();
  return text === '' ? {} : (JSON.parse(text) as JsonObject);
}

/** A symmetric key with this alias; answers its id. */
export async function makeKmsKey(
  moto: Pick<Moto, 'endpoint'>,
  alias: string,
  region?: string,
): Promise<string> {
  const spec = { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' };
  const { KeyMetadata } = await askMoto(moto, 'TrentService.CreateKey', spec, region);
  const id = String((KeyMetadata as JsonObject)['KeyId']);
  const name = { AliasName: `alias/${alias}`, TargetKeyId: id };
  await askMoto(moto, 'TrentService.CreateAlias', name, region);
  return id;
}

/** A user without any rights, and its keys. */
export async function makeIamUser(moto: Moto, name: string): Promise<Readonly<Record<string, string>>> {
  await iam(moto, { Action: 'CreateUser', UserName: name });
  const made = await iam(moto, { Action: 'CreateAccessKey', UserName: name });
  const part = (tag: string) => new RegExp(`<${tag}>([^<]+)<`).exec(made)?.[1] ?? '';
  return { AWS_ACCESS_KEY_ID: part('AccessKeyId'), AWS_SECRET_ACCESS_KEY: part('SecretAccessKey') };
}

async function iam({ endpoint }: Moto, parameters: Readonly<Record<string, string>>): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: credential('iam', 'us-east-1'),
    },
    body: new URLSearchParams({ Version: '2010-05-08', ...parameters }),
  });
  if (!answer.ok) throw new Error(`${parameters['Action']}: ${answer.status} ${await answer.text()}`);
  return answer.text();
}

function credential(service: string, region: string): string {
  const scope = `AKIAIOSFODNN7EXAMPLE/20260101/${region}/${service}/aws4_request`;
  return `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
}

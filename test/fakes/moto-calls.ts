/** What tests ask of AWS that the product never does: making keys, switching them off, making users. */
import type { JsonObject } from '../../src/json.ts';
import type { Moto } from '../setup/moto.ts';

/** The region that tests use unless they are about regions. */
export const testRegion = 'eu-central-1';

/** One call of KMS (`TrentService.…`), the Parameter Store (`AmazonSSM.…`), SQS (`AmazonSQS.…`) or DynamoDB (`DynamoDB_20120810.…`). */
export async function askMoto(
  { endpoint }: Pick<Moto, 'endpoint'>,
  target: string,
  body: JsonObject,
  region: string = testRegion,
): Promise<JsonObject> {
  const services: Readonly<Record<string, string>> = {
    TrentService: 'kms',
    AmazonSSM: 'ssm',
    AmazonSQS: 'sqs',
    secretsmanager: 'secretsmanager',
  };
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
  return {
    AWS_ACCESS_KEY_ID: part(made, 'AccessKeyId'),
    AWS_SECRET_ACCESS_KEY: part(made, 'SecretAccessKey'),
  };
}

export interface TestTopic {
  readonly arn: string;
  /** What came to the topic since it was asked last, as its queue has it. */
  messages(): Promise<readonly TopicArrival[]>;
}

export interface TopicArrival {
  readonly subject: string;
  readonly message: string;
  readonly attributes: JsonObject;
}

/** A topic of SNS with a queue of SQS behind it. */
export async function makeTopic(moto: Moto, name: string, region: string = testRegion): Promise<TestTopic> {
  const sns = (parameters: Readonly<Record<string, string>>) => query(moto, 'sns', region, parameters);
  const arn = /<TopicArn>([^<]+)</.exec(await sns({ Action: 'CreateTopic', Name: name }))?.[1] ?? '';
  const queue = await askMoto(moto, 'AmazonSQS.CreateQueue', { QueueName: name }, region);
  const url = { QueueUrl: queue['QueueUrl'] ?? '' };
  const named = { ...url, AttributeNames: ['QueueArn'] };
  const { Attributes } = await askMoto(moto, 'AmazonSQS.GetQueueAttributes', named, region);
  const Endpoint = String((Attributes as JsonObject)['QueueArn']);
  await sns({ Action: 'Subscribe', TopicArn: arn, Protocol: 'sqs', Endpoint });
  return {
    arn,
    async messages() {
      const wish = { ...url, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 };
      const { Messages = [] } = await askMoto(moto, 'AmazonSQS.ReceiveMessage', wish, region);
      const found = Messages as readonly { readonly Body: string; readonly ReceiptHandle: string }[];
      for (const { ReceiptHandle } of found) {
        await askMoto(moto, 'AmazonSQS.DeleteMessage', { ...url, ReceiptHandle }, region);
      }
      return found.map(({ Body }) => {
        const { Subject, Message, MessageAttributes } = JSON.parse(Body) as JsonObject;
        const attributes = (MessageAttributes ?? {}) as JsonObject;
        return { subject: String(Subject), message: String(Message), attributes };
      });
    },
  };
}

/** A role that whoever has an account may assume, without any rights. */
export async function makeIamRole(moto: Pick<Moto, 'endpoint'>, name: string): Promise<void> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
  };
  await iam(moto, { Action: 'CreateRole', RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) });
}

/** Keys of a session of a role, in whatever account its ARN says. */
export async function assumeRole(
  moto: Pick<Moto, 'endpoint'>,
  arn: string,
  session = 'one',
): Promise<Readonly<Record<string, string>>> {
  const made = await query(moto, 'sts', 'us-east-1', {
    Version: '2011-06-15',
    Action: 'AssumeRole',
    RoleArn: arn,
    RoleSessionName: session,
  });
  return {
    AWS_ACCESS_KEY_ID: part(made, 'AccessKeyId'),
    AWS_SECRET_ACCESS_KEY: part(made, 'SecretAccessKey'),
    AWS_SESSION_TOKEN: part(made, 'SessionToken'),
  };
}

function part(answer: string, tag: string): string {
  return new RegExp(`<${tag}>([^<]+)<`).exec(answer)?.[1] ?? '';
}

/** One call of IAM, as its owner makes it. */
export async function iam(
  moto: Pick<Moto, 'endpoint'>,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  return query(moto, 'iam', 'us-east-1', { Version: '2010-05-08', ...parameters });
}

/** One call of a service that takes forms and answers XML. */
async function query(
  { endpoint }: Pick<Moto, 'endpoint'>,
  service: string,
  region: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: credential(service, region),
    },
    body: new URLSearchParams(parameters),
  });
  if (!answer.ok) throw new Error(`${parameters['Action']}: ${answer.status} ${await answer.text()}`);
  return answer.text();
}

function credential(service: string, region: string): string {
  const scope = `AKIAIOSFODNN7EXAMPLE/20260101/${region}/${service}/aws4_request`;
  return `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
}

/** Has moto load what it needs for secrets and parameters, which takes longer than a client waits for an answer. */
export async function wakeSecretStores(moto: Pick<Moto, 'endpoint'>): Promise<void> {
  const parameter = { Name: '/awake/x', Value: 'x', Type: 'SecureString' };
  await askMoto(moto, 'AmazonSSM.PutParameter', parameter);
  await askMoto(moto, 'secretsmanager.CreateSecret', { Name: 'awake', SecretString: 'x' });
}

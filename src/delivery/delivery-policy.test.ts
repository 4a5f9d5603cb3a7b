/** The printed policies held against what deliveries ask of AWS: enough, nothing to spare, each application's readers apart. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { makeBucket, type S3Call, startFaultyS3 } from '../../test/fakes/faulty-s3.ts';
import { wakeSecretStores } from '../../test/fakes/moto-calls.ts';
import { resetMoto, startMoto } from '../../test/setup/moto.ts';
import { call, temporaryHome } from '../cli/cli.fixture.ts';
import { systemClock } from '../clock.ts';
import { systemRandom } from '../crypto/random.ts';
import type { JsonObject } from '../json.ts';
import { readerPolicy, writerPolicy } from './delivery-policy.ts';
import { noDeliveryPlaces } from './places.ts';
import { s3 } from './s3/s3.ts';
import { secretsManager } from './secretsmanager/secretsmanager.ts';
import { ssm } from './ssm/ssm.ts';
import { failureOf, firstClient, firstUser, never, parcelOf } from './target.contract.ts';
import type { TargetType } from './target.ts';

const moto = await startMoto();
beforeAll(async () => {
  if (moto !== undefined) await wakeSecretStores(moto);
});
afterAll(() => moto?.close());

const region = 'eu-central-1';
const scope = { account: '123456789012', region };
const surroundings = { clock: systemClock, random: systemRandom, entityId: '' };
const listed = () => ({ ...noDeliveryPlaces, s3: ['*'], ssm: ['*'], secretsmanager: ['*'] });

interface Statement {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

const statementsOf = (policy: JsonObject) => policy['Statement'] as unknown as readonly Statement[];
const matches = (pattern: string, resource: string) =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(resource);
const allows = (policy: JsonObject, action: string, resource: string) =>
  statementsOf(policy).some(
    ({ Action, Resource }) =>
      Action.includes(action) && Resource.some((pattern) => matches(pattern, resource)),
  );

/** Lets through what a policy allows, and remembers the actions. */
class Gate {
  readonly used = new Set<string>();
  readonly #policy: JsonObject;

  constructor(policy: JsonObject) {
    this.#policy = policy;
  }

  /** Whether all of these are allowed on what they are asked for. */
  passes(actions: readonly string[], resources: readonly string[]): boolean {
    return actions.every((action) =>
      resources.every((resource) => {
        const allowed = allows(this.#policy, action, resource);
        if (allowed) this.used.add(action);
        return allowed;
      }),
    );
  }

  /** Actions of services, without those of keys. */
  static named(policy: JsonObject): readonly string[] {
    const named = statementsOf(policy).flatMap(({ Action }) => Action);
    return [...new Set(named)].filter((action) => !action.startsWith('kms:')).toSorted();
  }
}

async function wholeLife(type: TargetType, address: string): Promise<void> {
  const target = type.open(type.parse(address), surroundings);
  await target.probe('shop', never());
  await target.deliver(parcelOf(firstUser, firstClient), never());
  await target.deliver(parcelOf(firstUser, firstClient, ['user']), never());
  await target.remove('shop', never());
}

describe.skipIf(moto === undefined)('the printed policy of who writes', () => {
  beforeEach(async () => {
    if (moto !== undefined) await resetMoto(moto);
  });

  const atS3 = async (policy: JsonObject, address: string, what = wholeLife) => {
    await makeBucket(moto?.endpoint ?? '', 'org-mint', region);
    const faulty = await startFaultyS3(moto?.endpoint ?? '');
    const gate = new Gate(policy);
    faulty.fault = ({ action, path, headers }: S3Call) => {
      const acl = headers['x-amz-acl'] === undefined ? [] : ['s3:PutObjectAcl'];
      const actions = [`s3:${action}`, ...(hasAcls ? acl : [])];
      const resource = `arn:aws:s3:::${path.slice(1).split('?')[0]}`;
      return gate.passes(actions, [resource])
        ? undefined
        : { kind: 'error', status: 403, code: 'AccessDenied' };
    };
    const env = { ...moto?.env, AWS_ENDPOINT_URL: faulty.endpoint, AWS_REGION: region };
    await what(s3({ env, endpoints: [], profiles: [] }, listed), address).finally(() => faulty.close());
    return gate;
  };
  let hasAcls = false;

  it.each([
    ['org-mint', false, false],
    ['org-mint', true, true],
    ['s3://org-mint?verify=yes', false, true],
  ])(
    'is enough for a bucket, and no more is in it: %s, ACLs %s, deleting %s',
    async (address, acls, deletes) => {
      hasAcls = acls;
      const policy = writerPolicy([address], { ...scope, acls, deletes });
      const gate = await atS3(policy, address);
      expect([...gate.used].toSorted()).toEqual(Gate.named(policy));
    },
  );

  it('is for its bucket alone', async () => {
    hasAcls = false;
    const other = writerPolicy(['org-other'], { ...scope, acls: false, deletes: true });
    expect((await failureOf(atS3(other, 'org-mint'))).code).toBe('permission_denied');
  });

  it.each([
    ['ssm', ssm, 'ssm:/apps', false],
    ['ssm', ssm, 'ssm:/apps', true],
    ['secretsmanager', secretsManager, 'secretsmanager:apps', false],
    ['secretsmanager', secretsManager, 'secretsmanager:apps', true],
    ['secretsmanager', secretsManager, 'secretsmanager:apps?kms-key=alias/aws/secretsmanager', true],
  ] as const)('is enough for %s, and no more is in it: %#', async (service, make, address, deletes) => {
    const policy = writerPolicy([address], { ...scope, acls: false, deletes });
    const faulty = await startFaultyAws(moto?.endpoint ?? '');
    const gate = new Gate(policy);
    faulty.fault = (action, body) => {
      const names = [body['Names'] ?? body['Name'] ?? body['SecretId'] ?? body['ResourceId']]
        .flat()
        .map(String);
      const kind = service === 'ssm' ? 'parameter' : 'secret:';
      const resources = names.map((name) => `arn:aws:${service}:${region}:123456789012:${kind}${name}`);
      const tagging = action === 'CreateSecret' ? ['secretsmanager:TagResource'] : [];
      return gate.passes([`${service}:${action}`, ...tagging], resources)
        ? undefined
        : { kind: 'error', status: 400, type: 'AccessDeniedException' };
    };
    const env = { ...moto?.env, AWS_ENDPOINT_URL: faulty.endpoint, AWS_REGION: region };
    await wholeLife(make({ env, endpoints: [], profiles: [] }, listed), address).finally(() =>
      faulty.close(),
    );
    expect([...gate.used].toSorted()).toEqual(Gate.named(policy));
  });
});

describe('the printed policy of who reads', () => {
  const targets = ['org-mint', 'ssm:/apps', 'secretsmanager:apps'];
  const policy = readerPolicy(targets, ['shop'], scope);
  const arns = (application: string) => [
    ['s3:GetObject', `arn:aws:s3:::org-mint/${application}/user.json`],
    ['ssm:GetParameter', `arn:aws:ssm:${region}:123456789012:parameter/apps/${application}/client`],
    [
      'secretsmanager:GetSecretValue',
      `arn:aws:secretsmanager:${region}:123456789012:secret:apps/${application}/user-a1B2c3`,
    ],
  ];

  it('threat 27: is for its application’s documents and nothing else', () => {
    for (const [action = '', arn = ''] of arns('shop')) expect(allows(policy, action, arn), arn).toBe(true);
    for (const [action = '', arn = ''] of [...arns('shop-2'), ...arns('sho')]) {
      expect(allows(policy, action, arn), arn).toBe(false);
    }
    expect(JSON.stringify(policy)).not.toMatch(/List|Put|Delete|Describe|"\*"/);
  });

  it.each(['*', 'a*', '../x', 'a/b', '', 'A'])('threat 22: takes no pattern for an application: %j', (id) => {
    expect(() => readerPolicy(targets, [id], scope)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});

describe('keys', () => {
  const keysOf = (address: string, known = scope) =>
    (
      writerPolicy([address], { ...known, acls: false, deletes: false })['Statement'] as readonly JsonObject[]
    ).find(({ Sid }) => Sid === 'UseKey');
  it('are used by way of the service, to encrypt', () => {
    expect(keysOf('org-mint')).toBeUndefined();
    expect(keysOf('s3://org-mint?kms-key=alias/mint&bucket-owner=111122223333')).toEqual({
      Sid: 'UseKey',
      Effect: 'Allow',
      Action: ['kms:GenerateDataKey'],
      Resource: ['arn:aws:kms:eu-central-1:123456789012:key/*'],
      Condition: {
        StringLike: { 'kms:ViaService': 's3.eu-central-1.amazonaws.com*' },
        'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/mint' },
      },
    });
    const arn = 'arn:aws:kms:eu-west-1:111122223333:key/1';
    expect(keysOf(`ssm:/apps?kms-key=${arn}`)).toMatchObject({ Action: ['kms:Encrypt'], Resource: [arn] });
  });
});

describe('coffer iam-policy', () => {
  const env = { HOME: temporaryHome(), AWS_REGION: region };
  it('delivery prints one statement for all buckets, and one for each owner', async () => {
    const words = [
      '--target',
      'org-a',
      '--target',
      'org-b',
      '--target',
      's3://org-c?bucket-owner=111122223333',
    ];
    const { code, stdout } = await call(['iam-policy', 'delivery', ...words], { env });
    expect(code).toBe(0);
    expect(statementsOf(JSON.parse(stdout) as JsonObject)).toMatchObject([
      {
        Sid: 'WriteObjects',
        Action: ['s3:PutObject'],
        Resource: expect.arrayContaining(['arn:aws:s3:::org-b/*/user.json']),
      },
      { Sid: 'WriteObjects2', Condition: { StringEquals: { 's3:ResourceAccount': '111122223333' } } },
    ]);
  });

  it('reader prints what an application needs', async () => {
    const words = ['iam-policy', 'reader', '--target', 'org-a', '--application', 'shop'];
    const { stdout } = await call(words, { env });
    expect(JSON.parse(stdout)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'ReadObjects',
          Effect: 'Allow',
          Action: ['s3:GetObject'],
          Resource: ['arn:aws:s3:::org-a/shop/*'],
        },
      ],
    });
  });

  it.each([
    [['delivery'], /needs --target/],
    [['delivery', '--target', 'gs://x'], /targets of s3/],
    [['delivery', '--target', 'directory:/srv'], /targets of s3/],
    [['delivery', '--target', 'Bucket'], /bucket’s name/],
    [['delivery', '--target', 'org-a', '--application', 'shop'], /goes with reader/],
    [['reader', '--target', 'org-a'], /needs --application/],
    [['reader', '--target', 'org-a', '--application', '*'], /application’s id/],
    [['reader', '--target', 'org-a', '--application', 'shop', '--deletes'], /go with delivery/],
    [['writer', '--target', 'org-a'], /go with delivery and reader/],
  ] as const)('says what is wrong with %j', async (words, message) => {
    expect(await call(['iam-policy', ...words], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(message),
    });
  });
});

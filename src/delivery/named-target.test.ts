/** Secrets Manager and the Parameter Store: a name for each document, by who may write and nothing else. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AwsFault, type FaultyAws, startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { askMoto, makeKmsKey, testRegion, wakeSecretStores } from '../../test/fakes/moto-calls.ts';
import { resetMoto, startMoto } from '../../test/setup/moto.ts';
import { systemClock } from '../clock.ts';
import { systemRandom } from '../crypto/random.ts';
import type { JsonObject } from '../json.ts';
import { type DeliveryPlaces, noDeliveryPlaces } from './places.ts';
import { secretsManager } from './secretsmanager/secretsmanager.ts';
import { ssm } from './ssm/ssm.ts';
import {
  failureOf,
  firstClient,
  firstUser,
  never,
  parcelOf,
  secondClient,
  secondUser,
  targetContract,
} from './target.contract.ts';
import type { OpenTarget } from './target.ts';

const moto = await startMoto();
beforeAll(async () => {
  if (moto !== undefined) await wakeSecretStores(moto);
});
afterAll(() => moto?.close());

const surroundings = { clock: systemClock, random: systemRandom, entityId: '' };
const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
const owner = '123456789012';

let faulty: FaultyAws;
let listed: DeliveryPlaces = noDeliveryPlaces;
beforeEach(async () => {
  if (moto !== undefined) await resetMoto(moto);
  faulty = await startFaultyAws(given.endpoint);
  listed = {
    ...noDeliveryPlaces,
    ssm: [`/apps*@${testRegion}/${owner}`],
    secretsmanager: [`apps*@${testRegion}/${owner}`],
  };
});
afterEach(() => faulty.close());

interface Kind {
  readonly make: typeof ssm;
  readonly address: string;
  readonly wrong: readonly string[];
  /** The current text of a name; undefined for none. */
  read(name: string): Promise<string | undefined>;
  readonly put: string;
  readonly remove: string;
}

async function asked(target: string, body: JsonObject): Promise<JsonObject | undefined> {
  return askMoto(given, target, body).catch((error: unknown) => {
    if (/NotFound/.test(String(error))) return undefined;
    throw error;
  });
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const common = (base: string) => [
  `${base}?region=`,
  `${base}?region=x`,
  `${base}?region=eu.evil.example`,
  `${base}?region=us-east-1`,
  `${base}?kms-key=%20`,
  `${base}?endpoint=https://evil.example`,
  `${base}?endpoint=http://169.254.169.254`,
  `${base}?profile=admin`,
  `${base}//x`,
  `${base}/.`,
  `${base}/a b`,
  `${base}/*`,
  `${base}@x`,
  `${base}/ü`,
];

const kinds: readonly (readonly [string, Kind])[] = [
  [
    'ssm',
    {
      make: ssm,
      address: 'ssm:/apps',
      wrong: [
        ...common('ssm:/apps'),
        'ssm:apps',
        'ssm:/aws/x',
        'ssm:/ssm',
        'ssm:/other',
        'ssm:/',
        `ssm:/apps${'/a'.repeat(12)}`,
      ],
      put: 'PutParameter',
      remove: 'DeleteParameters',
      async read(name) {
        const answer = await asked('AmazonSSM.GetParameter', { Name: name, WithDecryption: true });
        return textOf((answer?.['Parameter'] as JsonObject | undefined)?.['Value']);
      },
    },
  ],
  [
    'secretsmanager',
    {
      make: secretsManager,
      address: 'secretsmanager:apps',
      wrong: [
        ...common('secretsmanager:apps'),
        'secretsmanager:/apps',
        'secretsmanager:other',
        'secretsmanager:arn:aws:secretsmanager:x',
      ],
      put: 'PutSecretValue',
      remove: 'DeleteSecret',
      async read(name) {
        return textOf((await asked('secretsmanager.GetSecretValue', { SecretId: name }))?.['SecretString']);
      },
    },
  ],
];

describe.skipIf(moto === undefined).each(kinds)(
  '%s',
  (scheme, { make, address, wrong, read, put, remove }) => {
    const placesNow = () => ({
      env: { ...given.env, AWS_ENDPOINT_URL: faulty.endpoint, AWS_REGION: testRegion },
      endpoints: [faulty.endpoint],
      profiles: [],
    });
    const typeNow = (patience = { deadline: 25_000, attempts: 4 }) =>
      make(placesNow(), () => listed, patience);
    const open = (text = address, type = typeNow()): OpenTarget => type.open(type.parse(text), surroundings);
    const nameOf = (application: string, name: string) =>
      `${address.slice(scheme.length + 1)}/${application}/${name}`;
    const holds = async (application: string) => {
      const user = await read(nameOf(application, 'user'));
      const client = await read(nameOf(application, 'client'));
      return { ...(user === undefined ? {} : { user }), ...(client === undefined ? {} : { client }) };
    };
    const error = (status: number, type: string): AwsFault => ({ kind: 'error', status, type });
    const writes = (action: string) => action !== 'GetCallerIdentity';

    targetContract(() => {
      const type = typeNow();
      return {
        type,
        address: `${address}?region=${testRegion}&endpoint=${faulty.endpoint}`,
        open: () => open(`${address}?region=${testRegion}&endpoint=${faulty.endpoint}`, type),
        holds,
        refuse: async () => {
          faulty.fault = () => error(400, 'AccessDeniedException');
        },
        hang: async () => {
          faulty.fault = () => ({ kind: 'hang' });
        },
        narrow: () => {
          listed = noDeliveryPlaces;
        },
        wrong,
      };
    });

    it('says whose it is, and under which key', async () => {
      await makeKmsKey(given, 'apps', testRegion);
      await open(`${address}?kms-key=alias/apps`).deliver(parcelOf(firstUser, firstClient), never());
      await open(`${address}?kms-key=alias/apps`).deliver(
        parcelOf(secondUser, firstClient, ['user']),
        never(),
      );
      expect(await holds('shop')).toEqual({ user: secondUser.text, client: firstClient.text });
      const name = nameOf('shop', 'user');
      const tags = [
        { Key: 'managed-by', Value: 'coffer' },
        { Key: 'coffer-application', Value: 'shop' },
      ];
      if (scheme === 'ssm') {
        const found = await askMoto(given, 'AmazonSSM.GetParameter', { Name: name });
        expect(found['Parameter']).toMatchObject({
          Type: 'SecureString',
          Value: expect.stringContaining('alias/apps'),
        });
        const id = { ResourceType: 'Parameter', ResourceId: name };
        expect((await askMoto(given, 'AmazonSSM.ListTagsForResource', id))['TagList']).toEqual(tags);
      } else {
        const found = await askMoto(given, 'secretsmanager.DescribeSecret', { SecretId: name });
        expect(found).toMatchObject({ KmsKeyId: 'alias/apps', Tags: tags });
      }
    });

    it('needs no right to take away: an empty document takes the place', async () => {
      const target = open();
      await target.deliver(parcelOf(firstUser, firstClient), never());
      faulty.fault = (action) => (action === remove ? error(400, 'AccessDeniedException') : undefined);
      await target.remove('shop', never());
      await target.remove('shop', never());
      expect(await holds('shop')).toEqual({ user: '{}', client: '{}' });
    });

    it.each([
      ['denies', error(400, 'AccessDeniedException'), 'permission_denied', /denies/],
      ['wants a pause', error(400, 'ThrottlingException'), 'rate_limited', /throttles/],
      ['has a problem of its own', error(500, 'InternalServerError'), 'unavailable', /problem of its own/],
      ['breaks off', { kind: 'drop' } as const, 'unavailable', /cannot be reached/],
      ['says nothing', { kind: 'hang' } as const, 'unavailable', /in time|cannot be reached/],
      ['answers nonsense', { kind: 'answer', body: '<html>pa55word-one' } as const, 'unavailable', /./],
    ])('threat 16: says in words that AWS %s', async (_what, fault, code, words) => {
      faulty.fault = (action) => (writes(action) ? fault : undefined);
      const target = open(address, typeNow({ deadline: 1_500, attempts: 1 }));
      const failure = await failureOf(target.deliver(parcelOf(firstUser, firstClient), never()));
      expect(failure).toMatchObject({ code, message: expect.stringMatching(words) });
      expect(failure.message).not.toMatch(/AKIA|of-a-test/);
    });

    it('goes on when an answer was lost', async () => {
      let times = 0;
      faulty.fault = (action) => (writes(action) && times++ === 0 ? { kind: 'lose' } : undefined);
      await open().deliver(parcelOf(firstUser, firstClient), never());
      expect(await holds('shop')).toEqual({ user: firstUser.text, client: firstClient.text });
    });

    it('threat 17: writes in no account that is not listed', async () => {
      const narrowed = [`${address.slice(scheme.length + 1)}*@*/999999999999`];
      listed = { ...listed, ssm: narrowed, secretsmanager: narrowed };
      const failure = await failureOf(open().deliver(parcelOf(firstUser, firstClient), never()));
      expect(failure).toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining(`account ${owner}`),
      });
      expect(faulty.calls).toEqual(['GetCallerIdentity']);
    });

    it('asks once who it is, and for a change of one document once', async () => {
      const type = typeNow();
      await open(address, type).deliver(parcelOf(firstUser, firstClient), never());
      faulty.calls.length = 0;
      await open(address, type).deliver(parcelOf(secondUser, secondClient, ['user']), never());
      expect(faulty.calls).toEqual([put]);
    });

    it('is in the region that was said', async () => {
      listed = { ...listed, ssm: ['/apps'], secretsmanager: ['apps'] };
      const seen: string[] = [];
      faulty.seen = (headers) => {
        seen.push(
          /\/([a-z0-9-]+)\/(?:ssm|secretsmanager)\/aws4/.exec(String(headers.authorization))?.[1] ?? '',
        );
        return undefined;
      };
      await open(`${address}?region=ap-south-1`).probe('shop', never());
      expect(new Set(seen)).toEqual(new Set(['ap-south-1']));
    });
  },
);

it('says so of a secret that somebody marked for deletion', async () => {
  const env = { ...given.env, AWS_ENDPOINT_URL: faulty.endpoint, AWS_REGION: testRegion };
  listed = { ...listed, secretsmanager: ['apps'] };
  const type = secretsManager({ env, endpoints: [], profiles: [] }, () => listed);
  faulty.fault = () => ({ kind: 'error', status: 400, type: 'InvalidRequestException' });
  const target = type.open(type.parse('secretsmanager:apps'), surroundings);
  expect(await failureOf(target.deliver(parcelOf(firstUser, undefined), never()))).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('marked for deletion'),
  });
});

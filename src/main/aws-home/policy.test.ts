/**
 * The policy that `coffer iam-policy server` prints, held against what a start asks of AWS: enough, nothing to spare, and each statement
 * that is missing is named. IAM's decision is the tests' own (`iam-gate.ts`), before a moto that does the work.
 */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startFaultyAws } from '../../../test/fakes/faulty-aws.ts';
import { IamGate, type SeenKey, type Statement } from '../../../test/fakes/iam-gate.ts';
import { testRegion } from '../../../test/fakes/moto-calls.ts';
import { resetMoto, startMoto } from '../../../test/setup/moto.ts';
import { serverPolicy } from '../../cli/server-policy.ts';
import { systemClock } from '../../clock.ts';
import { homeNames } from '../../config/aws-home.ts';
import { systemRandom } from '../../crypto/random.ts';
import { findOrMakeHome, type Home } from './home.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const names = homeNames('policy');
const place = { account: '123456789012', region: testRegion };
const printed = serverPolicy(names, place)['Statement'] as unknown as readonly Statement[];
const without = (...sids: readonly string[]) => printed.filter(({ Sid }) => !sids.includes(Sid));

let key: SeenKey;

interface Started {
  readonly home: Home | undefined;
  readonly error: unknown;
  readonly gate: IamGate;
  readonly said: readonly string[];
}

/** One start of a server that has these statements. */
async function start(statements: readonly Statement[], name = names): Promise<Started> {
  const faulty = await startFaultyAws(moto?.endpoint);
  const gate = new IamGate(statements, testRegion, key);
  faulty.fault = gate.fault;
  const said: string[] = [];
  const wish = {
    names: name,
    storage: undefined,
    distinguished: ['dssssadmin'],
    env: { ...moto?.env, AWS_REGION: testRegion, AWS_ENDPOINT_URL: faulty.endpoint },
    clock: systemClock,
    random: systemRandom,
    pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
    say: (text: string) => void said.push(text),
  };
  const outcome = await findOrMakeHome(wish).then(
    (home) => ({ home, error: undefined }),
    (error: unknown) => ({ home: undefined, error }),
  );
  await faulty.close();
  return { ...outcome, gate, said };
}

describe.skipIf(moto === undefined)('the printed policy', () => {
  beforeEach(async () => {
    key = { tags: {}, aliases: [] };
    if (moto !== undefined) await resetMoto(moto);
  });

  it('is enough for the first start', async () => {
    const { home, error, gate } = await start(printed);
    expect(error).toBeUndefined();
    expect(home?.isNew).toBe(true);
    expect(gate.denied).toEqual([]);
  });

  it('is for a server of its own name alone', async () => {
    const { error, gate } = await start(printed, homeNames('other'));
    expect(error).toMatchObject({ code: 'permission_denied' });
    expect(gate.denied.length).toBeGreaterThan(0);
    for (const denied of gate.denied) expect(denied).toContain('other');
  });

  it.each([
    ['Parameters', /ssm:GetParametersByPath/],
    ['Table', /dynamodb:DescribeTable/],
    ['MakeParameters', /ssm:PutParameter/],
    ['MakeKey', /kms:CreateKey/],
    ['NameKey', /kms:CreateAlias/],
    ['FitKey', /kms:CreateAlias/],
    ['WrapRootKey', /kms:Encrypt/],
    ['Key', /kms:Decrypt/],
    ['MakeTable', /dynamodb:CreateTable/],
  ])('threat 16: without %s a first start names what is missing', async (sid, missing) => {
    const { home, error, gate } = await start(without(sid));
    expect(home).toBeUndefined();
    expect(error).toMatchObject({ code: 'permission_denied', message: expect.stringMatching(missing) });
    expect(gate.denied).not.toEqual([]);
    expect((error as Error).message).not.toContain(moto?.env['AWS_SECRET_ACCESS_KEY']);
  });

  it('threat 16: once everything is there, it is served without the rights to make', async () => {
    await start(printed);
    const making = printed.map(({ Sid }) => Sid).filter((sid) => /^Make/.test(sid));
    const serving = without(...making, 'NameKey', 'FitKey', 'FindKey', 'WrapRootKey');
    const { home, error, gate } = await start(serving);
    expect(error).toBeUndefined();
    expect(home?.isNew).toBe(false);
    expect(gate.denied).toEqual([]);
    for (const [sid, missing] of [
      ['Parameters', /ssm:GetParametersByPath.*ssm:GetParameter /],
      ['Key', /kms:DescribeKey/],
      ['Table', /dynamodb:DescribeTable/],
    ] as const) {
      const lacking = await start(serving.filter(({ Sid }) => Sid !== sid));
      expect(lacking.error, sid).toMatchObject({
        code: 'permission_denied',
        message: expect.stringMatching(missing),
      });
    }
    const half = serving.map((statement) =>
      statement.Sid === 'Table'
        ? { ...statement, Action: statement.Action.filter((action) => !/Query|DeleteItem/.test(action)) }
        : statement,
    );
    expect((await start(half)).error).toMatchObject({
      message: expect.stringMatching(/dynamodb:Query.*dynamodb:TransactWriteItems/),
    });
  });

  it('a start that was denied goes on where it stopped, once the right is there', async () => {
    for (const sid of ['MakeKey', 'FindKey', 'MakeTable', 'WrapRootKey', 'Key'])
      expect((await start(without(sid))).error, sid).toMatchObject({ code: 'permission_denied' });
    expect(key.aliases).toEqual(['alias/coffer-policy']);
    const { home, error } = await start(printed);
    expect(error).toBeUndefined();
    expect(home?.isNew).toBe(true);
  });
});

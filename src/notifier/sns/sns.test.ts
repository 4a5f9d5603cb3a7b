import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, keysOf, makePlace } from '../../../test/fakes/client.ts';
import { type FaultyAws, startFaultyAws } from '../../../test/fakes/faulty-aws.ts';
import { makeTopic, type TestTopic, testRegion } from '../../../test/fakes/moto-calls.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import { systemClock } from '../../clock.ts';
import { letter, never, notifierContract } from '../notifier.contract.ts';
import { sns } from './sns.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const arn = (name: string, region = testRegion) => `arn:aws:sns:${region}:123456789012:${name}`;

describe.skipIf(moto === undefined)('a topic', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  let way: FaultyAws;
  let topic: TestTopic;
  beforeAll(async () => {
    way = await startFaultyAws(given.endpoint);
    topic = await makeTopic(given, 'sample');
  });
  afterAll(() => way.close());
  beforeEach(async () => {
    way.fault = () => undefined;
    while ((await topic.messages()).length > 0);
  });

  const places = (topics: readonly string[]) => ({
    env: { ...given.env, AWS_ENDPOINT_URL: way.endpoint },
    endpoints: [],
    profiles: [],
    topics,
  });
  const type = () => sns(places([topic.arn]));
  const open = (options: Readonly<Record<string, string>> = {}, secret = '') =>
    type().open({ options: { topic_arn: topic.arn, ...options }, secret }, systemClock);

  notifierContract(() => ({
    type: type(),
    settings: { options: { topic_arn: topic.arn }, secret: '' },
    async arrived(count) {
      const found: string[] = [];
      while (found.length < count) {
        const more = await topic.messages();
        found.push(...more.map(({ message }) => /^Notice: (.*)$/m.exec(message)?.[1] ?? ''));
      }
      return found;
    },
    fail: () => {
      way.fault = () => ({ kind: 'error', status: 400, type: 'InvalidParameter' });
    },
    hang: () => {
      way.fault = () => ({ kind: 'hang' });
    },
  }));

  it('is told of a role that was handed out in the words that old installations have, and then of more', async () => {
    const fields = {
      role: 'AccountAdmin',
      issuer: 'acme',
      account: 'account-admin',
      approved_by: 'admin',
      remote_address: '192.0.2.7',
    };
    await open().deliver(letter({ kind: 'credentials.issued', fields }), never());
    expect(await topic.messages()).toEqual([
      {
        subject: 'Credentials Minted For Account',
        message: [
          'STSFTW has minted new STS crentials:',
          'Issuer: acme',
          'Account Name: account-admin',
          'AWS Role: AccountAdmin',
          'Approved By: admin',
          'Remote Address: 192.0.2.7',
          'Time: 2026-11-22T01:36:00.000Z',
          'Kind: credentials.issued',
          `Notice: ${letter().id}`,
          '',
        ].join('\n'),
        attributes: { kind: { Type: 'String', Value: 'credentials.issued' } },
      },
    ]);
  });

  it('is told of anything else by its own subject', async () => {
    await open().deliver(letter(), never());
    const [told] = await topic.messages();
    expect(told?.subject).toBe('Something was refused');
    expect(told?.message).toMatch(
      /^Something was refused\n\nDisplay Name: ann\nRemote Address: 192\.0\.2\.7\n/,
    );
  });

  it('takes JSON where that is wished for', async () => {
    await open({ format: 'json' }).deliver(letter(), never());
    const [told] = await topic.messages();
    expect(JSON.parse(told?.message ?? '')).toMatchObject({
      id: letter().id,
      fields: { display_name: 'ann' },
    });
    expect(() => open({ format: 'xml' })).toThrow(/text or json/);
  });

  it('has a subject that SNS takes, whatever the letter’s is', async () => {
    for (const subject of [`  ä🗝${'x'.repeat(300)}`, '🗝', '   ']) {
      await open().deliver(letter({ subject }), never());
      const [told] = await topic.messages();
      expect(told?.subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,99}$/);
    }
  });

  it('that is away is said so to whoever has to tell it first, and nothing is left to be told', async () => {
    const notifiers = { types: new Map([['sns', type()]]), configured: [] };
    const place = await makePlace({ silent: true, notifiers });
    try {
      const node = await place.node();
      const options = { topic_arn: topic.arn };
      await ask(node, 'update', 'sys/notifiers/mail', { type: 'sns', kinds: [], options });
      const told = { kind: 'login.totp', subject: 'A login', fields: { role: 'Admin', outcome: 'granted' } };
      const demand = () => node.state.core?.notices.demand(told, ['mail']);
      way.fault = () => ({ kind: 'drop' });
      await expect(demand()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(
          /^the notifier "mail" did not accept the notice: SNS at .* cannot be reached/,
        ) as string,
      });
      expect(await keysOf(place.storage, 'core/notice/waiting/')).toEqual([]);
      way.fault = () => undefined;
      await demand();
      expect((await topic.messages()).map(({ subject }) => subject)).toEqual([
        'Credentials Minted For Account',
      ]);
    } finally {
      await place.remove();
    }
  });

  it('that is not there is told as such', async () => {
    const gone = sns(places([arn('gone')])).open(
      { options: { topic_arn: arn('gone') }, secret: '' },
      systemClock,
    );
    await expect(gone.deliver(letter(), never())).rejects.toMatchObject({
      code: 'unavailable',
      message: `SNS has no ${arn('gone')} in ${testRegion}: check its name, the region and the account`,
    });
  });
});

describe('a topic of which settings speak', () => {
  const listed = sns({ env: {}, endpoints: [], profiles: [], topics: [arn('listed')] });
  const open = (options: Readonly<Record<string, string>>, secret = '') =>
    listed.open({ options, secret }, systemClock);

  it('threat 21: is told with the server’s own identity only where its configuration lists it', () => {
    expect(() => open({ topic_arn: arn('listed') })).not.toThrow();
    expect(() => open({ topic_arn: arn('other') })).toThrow(/aws\.topics/);
    expect(() => open({ topic_arn: arn('other'), role_arn: 'arn:aws:iam::123456789012:role/a' })).toThrow(
      /aws\.topics/,
    );
    const keys = { topic_arn: arn('other'), access_key_id: 'AKIAIOSFODNN7EXAMPLE' };
    expect(() => open(keys, 'its-secret-key')).not.toThrow();
    expect(() => open(keys)).toThrow(/go together/);
    expect(() => open({ topic_arn: arn('listed') }, 'its-secret-key')).toThrow(/go together/);
  });

  it.each([
    '',
    'listed',
    arn('a.fifo'),
    arn('a', 'evil.example/#'),
    'arn:aws:sqs:eu-central-1:123456789012:a',
  ])('is refused: %s', (topic) => {
    expect(() => open({ topic_arn: topic })).toThrow(/topic_arn is the ARN/);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  storedText,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { Sinks } from '../../../test/fakes/sink-notifier.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import type { Notice } from '../notices.ts';
import { mostDead, mostFailures, mostWaiting } from './lane.ts';
import type { Outbox } from './outbox.ts';
import { deadKey, encodeWaiting, waitingKey } from './record.ts';

let place: Place;
let node: CofferNode;
let sinks: Sinks;

beforeEach(async () => {
  sinks = new Sinks();
  const notifiers = { types: new Map([['sink', sinks.type]]), configured: [] };
  place = await makePlace({ notifiers, engines: [leasedType(new Outside())] });
  node = await place.node();
});
afterEach(() => place.remove());

/** Not for what the core tells of its nodes. */
const kinds = 'credentials.*, login.*, poison.*, a.*';
const add = (name: string, fields: JsonObject = {}) =>
  ask(node, 'update', `sys/notifiers/${name}`, { type: 'sink', options: { to: name }, kinds, ...fields });
const shown = async (name: string) => (await ask(node, 'read', `sys/notifiers/${name}`)).data;
const notice = (kind = 'credentials.issued'): Notice => ({
  kind,
  subject: 'Something',
  fields: { role: 'a' },
});

function outbox(of: CofferNode = node): Outbox {
  const { core } = of.state;
  if (core === undefined) throw new Error('the node is sealed');
  return core.notices;
}

/** Lets passes go on until what is asked for is so. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (await what()) return;
    await new Promise(setImmediate);
  }
  throw new Error('it does not come to that');
}

/** Passes of one node, with the time that notifiers rest for in between. */
async function pass(seconds = 61, of: CofferNode = node): Promise<void> {
  place.clock.jump(seconds);
  await outbox(of).run();
}

const waiting = () => keysOf(place.storage, 'core/notice/waiting/');
const dead = () => keysOf(place.storage, 'core/notice/dead/');

describe('a notice', () => {
  it('costs nothing where nobody wants its kind: no read, no write', async () => {
    await add('a', { kinds: 'login.*' });
    const before = await keysOf(place.storage);
    await outbox().post(notice());
    expect((await outbox().prepare('credentials.issued', () => expect.unreachable())).writes).toEqual([]);
    expect(await keysOf(place.storage)).toEqual(before);
  });

  it('goes to each that wants it, with one id, and is gone from the store then', async () => {
    await add('a', { kinds: 'credentials.*' });
    await add('b', { kinds: ['*.issued', 'x'] });
    await add('c', { kinds: 'login.*' });
    await outbox().post(notice());
    await until(() => sinks.letters('a').length === 1 && sinks.letters('b').length === 1);
    await until(async () => (await waiting()).length === 0);
    expect(sinks.letters('a')).toEqual(sinks.letters('b'));
    expect(sinks.letters('a')[0]).toMatchObject({ kind: 'credentials.issued', fields: { role: 'a' } });
    expect(sinks.letters('c')).toEqual([]);
  });

  it('threat 16: is bounded, and has no line but its own, whatever a caller put into it', async () => {
    await add('a');
    const hostile = `x\r\nBcc: eve@example.com\u2028\u202e\ud800${'ä'.repeat(5_000)}`;
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${at}`, hostile]));
    await outbox().post({ kind: 'a.b', subject: hostile, fields: { ...many, 'Bad Name': 'x' } });
    await until(() => sinks.letters('a').length === 1);
    const [letter] = sinks.letters('a');
    const text = JSON.stringify(letter);
    expect(Buffer.byteLength(text)).toBeLessThan(16_384);
    expect(text).not.toMatch(/\\r|\\n|\u2028|\u202e|Bad Name/);
    expect(letter?.subject).toHaveLength(200);
    expect(letter?.fields['left_out']).toMatch(/^\d+ more$/);
  });

  it('of a kind that is none is refused', async () => {
    await add('a', { kinds: '*' });
    await expect(outbox().post(notice('Not a kind'))).rejects.toMatchObject({ code: 'internal' });
    await expect(outbox().post(notice('credentials.'))).rejects.toMatchObject({ code: 'internal' });
  });

  it('rests sealed: nothing of it is in the store in the clear', async () => {
    await add('a', { secret: 'a-secret-of-the-sink' });
    sinks.set('a', 'fails');
    await outbox().post({ ...notice(), fields: { role: 'a-role-of-this-test' } });
    expect(await storedText(place.storage)).not.toMatch(/a-role-of-this-test|a-secret-of-the-sink/);
  });
});

describe('a notifier that fails', () => {
  it('is tried again with longer and longer pauses, and its letter is left to a person in the end', async () => {
    await add('a');
    sinks.set('a', 'fails');
    await outbox().post(notice());
    await until(() => sinks.attempts.get('a') === 1);
    await until(async () => (await shown('a'))['state'] === 'failing');
    expect(await shown('a')).toMatchObject({ problem: 'the sink is full', waiting: 1, dead_letters: 0 });
    await pass(8);
    expect(sinks.attempts.get('a')).toBe(1);
    await pass(3);
    expect(sinks.attempts.get('a')).toBe(2);
    await pass(18);
    expect(sinks.attempts.get('a')).toBe(2);
    for (let tries = 2; tries < mostFailures; tries++) await pass(3_661);
    expect(sinks.attempts.get('a')).toBe(mostFailures);
    expect(await shown('a')).toMatchObject({ waiting: 0, dead_letters: 1 });
    await pass(100_000);
    expect(sinks.attempts.get('a')).toBe(mostFailures);
  });

  it('holds up no other, nor the answers, though it hangs', async () => {
    await add('a');
    await add('b');
    sinks.set('a', 'hangs');
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    for (let at = 0; at < 20; at++) {
      expect((await ask(node, 'read', 'leased/creds/a')).status).toBe(200);
    }
    await until(() => sinks.letters('b').length === 20);
    expect(sinks.letters('a')).toEqual([]);
    expect((await waiting()).length).toBe(20);
    sinks.set('a', 'accepts');
    place.clock.advance(15);
    await until(async () => (await shown('a'))['state'] === 'failing');
    for (let at = 0; at < 4; at++) await pass();
    expect(sinks.letters('a')).toHaveLength(20);
    expect(await waiting()).toEqual([]);
  });

  it('is not asked for each of many letters while it is down', async () => {
    await add('a');
    sinks.set('a', 'fails');
    for (let at = 0; at < 40; at++) await outbox().post(notice());
    await until(async () => (await shown('a'))['state'] === 'failing');
    await outbox().run();
    await outbox().run();
    expect(sinks.attempts.get('a')).toBeLessThanOrEqual(8);
  });

  it('loses no other letter by one that it never takes', async () => {
    await add('a');
    sinks.set('a', ({ kind }) => (kind === 'poison.kind' ? 'fails' : 'accepts'));
    await outbox().post(notice('poison.kind'));
    for (let at = 0; at < 10; at++) await outbox().post(notice());
    for (let at = 0; at < mostFailures + 2; at++) await pass(3_661);
    expect(sinks.letters('a')).toHaveLength(10);
    expect(await dead()).toHaveLength(1);
    expect(await waiting()).toEqual([]);
  });

  it('keeps so many dead letters, the newest', async () => {
    await add('a');
    sinks.set('a', 'fails');
    const { core } = node.state;
    const id = [...outbox().notifiers.all].map((each) => each.id)[0] ?? '';
    const letter = { id: '', at: 0, kind: 'a.b', subject: '', fields: {} };
    const value = encodeWaiting({ letter, failures: mostFailures, problem: '' });
    const key = (at: number) => deadKey(id, `${String(at).padStart(13, '0')}-${'x'.repeat(16)}`);
    for (let at = 0; at < mostDead; at += 50) {
      await core?.store.commit(Array.from({ length: 50 }, (_, more) => ({ key: key(at + more), value })));
    }
    const again = encodeWaiting({
      letter: { ...letter, id: 'last' },
      failures: mostFailures - 1,
      problem: '',
    });
    await core?.store.commit([{ key: waitingKey(id, 0, 'last'), value: again }]);
    await pass();
    const kept = await dead();
    expect(kept).toHaveLength(mostDead);
    expect(kept).not.toContain(key(0));
    expect(kept.at(-1)).toMatch(/\/last$/);
  });
});

describe('an outbox that is full', () => {
  beforeEach(async () => {
    await add('a');
    sinks.set('a', 'fails');
    const id = [...outbox().notifiers.all].map((each) => each.id)[0] ?? '';
    const letter = { id: 'x', at: 0, kind: 'a.b', subject: '', fields: {} };
    const value = encodeWaiting({ letter, failures: 0, problem: '' });
    const far = place.clock.now() + 1_000_000_000;
    for (let at = 0; at < mostWaiting; at += 50) {
      const writes = Array.from({ length: 50 }, (_, more) => ({
        key: waitingKey(id, far, `${at + more}`),
        value,
      }));
      await node.state.core?.store.commit(writes);
    }
  });

  it('threat 15: takes no more: what would have to be told does not happen, and refusals are left out', async () => {
    const fresh = await place.node();
    // A node counts once it has put up as many as there may be.
    const lane = outbox(fresh).lane(outbox(fresh).notifiers.all[0] ?? { id: '' });
    for (let at = 0; at < mostWaiting; at++) lane.noted();
    await outbox(fresh).post(notice('login.refused'));
    await expect(outbox(fresh).post(notice())).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/10000 notices wait for the notifier "a"/) as string,
    });
    expect(await waiting()).toHaveLength(mostWaiting);
    await ask(fresh, 'update', 'sys/mounts/leased', { type: 'leased' });
    const refused = await ask(fresh, 'read', 'leased/creds/a');
    expect(refused.status).toBe(503);
    expect(await keysOf(place.storage, 'core/lease/id/')).toEqual([]);
  });
});

describe('a demand', () => {
  it('resolves when each has accepted, and tells the others that want it', async () => {
    await add('a', { kinds: [] });
    await add('b', { kinds: 'credentials.*' });
    let mayAccept = (): void => undefined;
    sinks.beforeAccept = ({ kind }) =>
      kind === 'x'
        ? Promise.resolve()
        : new Promise((resolve) => {
            mayAccept = resolve;
          });
    let told = false;
    const demanded = outbox()
      .demand(notice(), ['a', 'a'])
      .then(() => {
        told = true;
      });
    await until(() => sinks.attempts.get('a') === 1);
    await new Promise(setImmediate);
    expect(told).toBe(false);
    expect(await waiting()).toHaveLength(1);
    sinks.beforeAccept = undefined;
    mayAccept();
    await demanded;
    expect(sinks.letters('a')).toHaveLength(1);
    await until(() => sinks.letters('b').length === 1);
    expect(sinks.letters('b')[0]?.id).toBe(sinks.letters('a')[0]?.id);
    await until(async () => (await waiting()).length === 0);
  });

  it('that one does not accept throws and says who, and nobody is told any more', async () => {
    await add('a', { kinds: [] });
    await add('b', { kinds: [] });
    await add('c');
    sinks.set('b', 'fails');
    await expect(outbox().demand(notice(), ['a', 'b'])).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the notifier "b" did not accept the notice: the sink is full',
    });
    expect(await waiting()).toEqual([]);
    await pass(120);
    expect(sinks.letters('c')).toEqual([]);
  });

  it('that hangs ends in time', async () => {
    await add('a', { kinds: [] });
    sinks.set('a', 'hangs');
    const demanded = outbox()
      .demand(notice(), ['a'])
      .catch((error: unknown) => error);
    await until(() => sinks.attempts.get('a') === 1);
    place.clock.advance(15);
    expect(await demanded).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/15 s/) as string,
    });
  });

  it('of a notifier that there is not is refused before anybody is told', async () => {
    await add('a');
    await expect(outbox().demand(notice(), ['a', 'nobody'])).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'there is no notifier "nobody"',
    });
    expect(sinks.letters('a')).toEqual([]);
  });

  it('whose node ends on the way is told by another', async () => {
    await add('a', { kinds: [] });
    sinks.set('a', 'hangs');
    void outbox()
      .demand(notice(), ['a'])
      .catch(() => undefined);
    await until(() => sinks.attempts.get('a') === 1);
    sinks.set('a', 'accepts');
    const other = await place.node();
    await pass(59, other);
    expect(sinks.letters('a')).toEqual([]);
    await pass(2, other);
    expect(sinks.letters('a')).toHaveLength(1);
  });
});

describe('several nodes', () => {
  it('tell each letter once, and go on where one of them has ended', async () => {
    await add('a');
    const other = await place.node(undefined, { elsewhere: true });
    sinks.set('a', 'hangs');
    await outbox().post(notice());
    await until(() => sinks.attempts.get('a') === 1);
    // The lock is another's: it is waited for.
    await pass(1, other);
    expect(sinks.attempts.get('a')).toBe(1);
    sinks.set('a', 'accepts');
    await pass(31, other);
    expect(sinks.letters('a')).toHaveLength(1);
    // The first one's failure, which comes late, puts nothing up again.
    place.clock.advance(15);
    await until(async () => (await waiting()).length === 0);
    await pass(100, other);
    expect(sinks.letters('a')).toHaveLength(1);
  });

  it('see a notifier that another made or removed with their next request', async () => {
    const other = await place.node();
    await add('a');
    await ask(other, 'read', 'sys/notifiers/a');
    await outbox(other).post(notice());
    await until(() => sinks.letters('a').length === 1);
    await ask(node, 'delete', 'sys/notifiers/a');
    await ask(other, 'read', 'auth/token/lookup-self');
    expect(outbox(other).notifiers.all).toEqual([]);
  });

  it('clear away what waited for a notifier that was removed, and a new one of its name is sent nothing of it', async () => {
    await add('a');
    sinks.set('a', 'fails');
    for (let at = 0; at < 70; at++) await outbox().post(notice());
    await ask(node, 'delete', 'sys/notifiers/a');
    sinks.set('a', 'accepts');
    await add('a');
    await until(async () => {
      await pass(1);
      return (await waiting()).length === 0;
    });
    await pass(301);
    expect(await keysOf(place.storage, 'core/notice/gone/')).toEqual([]);
    // Of the lane of what is there, and of what cleared the other.
    expect((await keysOf(place.storage, 'core/duty/notices-')).length).toBeLessThanOrEqual(2);
    expect(sinks.letters('a')).toEqual([]);
  });
});

describe('leased credentials', () => {
  beforeEach(async () => {
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await writePolicy(node, 'leased', 'path "leased/*" { capabilities = ["read"] }');
  });

  it('are told of: what, to whom, from where, until when; and nothing secret is', async () => {
    await add('a', { kinds: 'credentials.issued' });
    const token = await makeToken(node, { policies: ['leased'], display_name: 'ann' });
    const answer = await ask(node, 'read', 'leased/creds/sample', {}, token);
    await until(() => sinks.letters('a').length === 1);
    expect(sinks.letters('a')[0]).toMatchObject({
      subject: 'Credentials issued: leased/creds/sample to token-ann',
      fields: {
        path: 'leased/creds/sample',
        engine: 'leased',
        display_name: 'token-ann',
        remote_address: '192.0.2.1',
        lease_id: answer.lease?.id,
      },
    });
    const text = JSON.stringify(sinks.letters('a'));
    for (const secret of [token, String(answer.data['password'])]) expect(text).not.toContain(secret);
  });

  it('that could not be leased are not told of', async () => {
    await add('a');
    const token = await makeToken(node, { policies: ['default'] });
    expect((await ask(node, 'read', 'leased/creds/sample', {}, token)).status).toBe(403);
    await pass();
    expect(sinks.kinds('a')).toEqual([]);
  });
});

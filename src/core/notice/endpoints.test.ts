import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { Sinks } from '../../../test/fakes/sink-notifier.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { mostFailures } from './lane.ts';
import { mostNotifiers } from './notifiers.ts';

let place: Place;
let node: CofferNode;
let sinks: Sinks;

beforeEach(async () => {
  sinks = new Sinks();
  const own = {
    name: 'pager',
    type: 'command',
    kinds: ['a.*'],
    open: () => sinks.type.open({ options: { to: 'pager' }, secret: '' }, place.clock),
  };
  const notifiers = { types: new Map([['sink', sinks.type]]), configured: [own] };
  place = await makePlace({ notifiers });
  node = await place.node();
});
afterEach(() => place.remove());

const write = (name: string, fields: JsonObject) => ask(node, 'update', `sys/notifiers/${name}`, fields);
const add = (name: string, fields: JsonObject = {}) =>
  write(name, { type: 'sink', options: { to: name }, ...fields });
const read = async (name: string) => (await ask(node, 'read', `sys/notifiers/${name}`)).data;

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (await what()) return;
    await new Promise(setImmediate);
  }
  throw new Error('it does not come to that');
}

describe('sys/notifiers', () => {
  it('shows what was written, and lists it beside those of the configuration', async () => {
    expect((await add('ops', { kinds: 'credentials.*, *.refused', description: 'the team' })).status).toBe(
      204,
    );
    expect(await read('ops')).toEqual({
      name: 'ops',
      type: 'sink',
      kinds: ['credentials.*', '*.refused'],
      configured: false,
      state: 'working',
      problem: '',
      description: 'the team',
      options: { to: 'ops' },
      has_secret: false,
      waiting: 0,
      dead_letters: 0,
    });
    const { data } = await ask(node, 'list', 'sys/notifiers');
    expect(data['keys']).toEqual(['ops', 'pager']);
    expect(data['key_info']).toMatchObject({
      pager: { type: 'command', configured: true },
      ops: { type: 'sink' },
    });
    expect((await ask(node, 'delete', 'sys/notifiers/ops')).status).toBe(204);
    expect((await ask(node, 'read', 'sys/notifiers/ops')).status).toBe(404);
    expect((await ask(node, 'delete', 'sys/notifiers/ops')).status).toBe(204);
  });

  it('changes what is given and leaves the rest', async () => {
    await add('ops', { secret: 'a-secret', kinds: 'a.b' });
    await write('ops', { description: 'new' });
    expect(await read('ops')).toMatchObject({
      kinds: ['a.b'],
      description: 'new',
      has_secret: true,
      options: { to: 'ops' },
    });
    await write('ops', { kinds: [] });
    expect(await read('ops')).toMatchObject({ kinds: [], has_secret: true });
  });

  it('threat 16: shows a secret to nobody, and has none in the audit log', async () => {
    await add('ops', { secret: 'the-secret-of-ops' });
    await ask(node, 'update', 'sys/notifiers/ops/test');
    const shown = [
      await ask(node, 'read', 'sys/notifiers/ops'),
      await ask(node, 'list', 'sys/notifiers'),
      await write('ops', { type: 'nonsense', secret: 'the-secret-of-ops' }),
    ];
    expect(JSON.stringify(shown)).not.toContain('the-secret-of-ops');
    expect(JSON.stringify(place.log)).not.toContain('the-secret-of-ops');
    expect(auditText(place.auditDirectory)).not.toContain('the-secret-of-ops');
    expect(sinks.secrets).toContain('the-secret-of-ops');
  });

  it('threat 17: takes a secret nowhere that it was not given for', async () => {
    await add('ops', { secret: 'the-secret-of-ops' });
    sinks.secrets.length = 0;
    await write('ops', { options: { to: 'elsewhere' } });
    expect(await read('ops')).toMatchObject({ has_secret: false });
    await ask(node, 'update', 'sys/notifiers/ops/test');
    expect(sinks.letters('elsewhere')).toHaveLength(1);
    expect(sinks.secrets).not.toContain('the-secret-of-ops');
  });

  it.each([
    [{}, /missing field "type"/],
    [{ type: 'nonsense' }, /unknown type of notifier; known are sink/],
    [{ type: 'command', options: { command: '/bin/sh' } }, /unknown type of notifier/],
    [{ type: 'sink', options: { shell: '1' } }, /no option "shell"; known are to/],
    [{ type: 'sink', options: { to: 'nowhere' } }, /must be somewhere/],
    [{ type: 'sink', kinds: 'a*b*' }, /one "\*" each at most/],
    [{ type: 'sink', kinds: 'Größe' }, /kinds are/],
    [{ type: 'sink', options: { to: 'x'.repeat(40_000) } }, /too long/],
    [{ type: 'sink', secret: 'x'.repeat(5_000) }, /too long/],
    [{ type: 'sink', description: 'x'.repeat(2_000) }, /too long/],
  ] as const)('threat 19: refuses %j, and nothing has changed', async (fields, reason) => {
    const answer = await write('ops', fields as JsonObject);
    expect(answer.status).toBe(400);
    expect(answer.errors.join()).toMatch(reason);
    expect((await ask(node, 'read', 'sys/notifiers/ops')).status).toBe(404);
  });

  it.each(['Ops', 'ö', '-a', 'a b', 'a'.repeat(65)])('takes no name such as %s', async (name) => {
    expect((await add(name)).status).toBe(400);
  });

  it('threat 19: leaves what the configuration has to the configuration', async () => {
    expect((await add('pager')).errors.join()).toMatch(/only there it can be changed/);
    expect((await ask(node, 'delete', 'sys/notifiers/pager')).status).toBe(400);
    expect((await ask(node, 'update', 'sys/notifiers/pager/test')).status).toBe(204);
    expect(sinks.kinds('pager')).toEqual(['notifier.test']);
  });

  it('has so many and no more', async () => {
    for (let at = 0; at < mostNotifiers - 1; at++) expect((await add(`n${at}`)).status).toBe(204);
    expect((await add('more')).errors.join()).toMatch(/at most 16/);
    expect((await add('n1', { kinds: 'a.b' })).status).toBe(204);
  });

  it('is for whoever may sudo there', async () => {
    await writePolicy(
      node,
      'most',
      'path "sys/notifiers*" { capabilities = ["read", "update", "list", "delete"] }',
    );
    const token = await makeToken(node, { policies: ['most'] });
    for (const [operation, path] of [
      ['list', 'sys/notifiers'],
      ['read', 'sys/notifiers/pager'],
      ['update', 'sys/notifiers/pager'],
      ['update', 'sys/notifiers/pager/test'],
      ['list', 'sys/notifiers/pager/dead-letters'],
    ] as const) {
      expect((await ask(node, operation, path, {}, token)).status, path).toBe(403);
    }
  });
});

describe('a test of a notifier', () => {
  it('says whether it was accepted', async () => {
    await add('ops', { kinds: [] });
    expect((await ask(node, 'update', 'sys/notifiers/ops/test')).status).toBe(204);
    expect(sinks.kinds('ops')).toEqual(['notifier.test']);
    sinks.set('ops', 'fails');
    const answer = await ask(node, 'update', 'sys/notifiers/ops/test');
    expect(answer.status).toBe(503);
    expect(answer.errors).toEqual(['the notifier "ops" did not accept the notice: the sink is full']);
    expect((await ask(node, 'update', 'sys/notifiers/nobody/test')).status).toBe(400);
  });
});

describe('dead letters', () => {
  const letters = async () => {
    const { data } = await ask(node, 'list', 'sys/notifiers/ops/dead-letters');
    return (data['keys'] ?? []) as readonly string[];
  };

  beforeEach(async () => {
    await add('ops', { kinds: 'a.*' });
    sinks.set('ops', 'fails');
    await node.state.core?.notices.post({ kind: 'a.b', subject: 'Something', fields: { role: 'x' } });
    await until(() => sinks.attempts.get('ops') === 1);
    for (let tries = 1; tries < mostFailures; tries++) {
      place.clock.jump(3_661);
      await node.state.core?.notices.run();
    }
  });

  it('are shown, and sent again when somebody says so', async () => {
    const [id = ''] = await letters();
    expect((await ask(node, 'read', `sys/notifiers/ops/dead-letters/${id}`)).data).toEqual({
      id,
      time: '2026-11-22T01:36:00.000Z',
      kind: 'a.b',
      subject: 'Something',
      fields: { role: 'x' },
      failures: mostFailures,
      problem: 'the sink is full',
    });
    sinks.set('ops', 'accepts');
    place.clock.jump(61);
    expect((await ask(node, 'update', `sys/notifiers/ops/dead-letters/${id}`)).status).toBe(204);
    await until(() => sinks.letters('ops').length === 1);
    expect(sinks.letters('ops')[0]?.id).toBe(id);
    expect(await letters()).toEqual([]);
    expect((await ask(node, 'update', `sys/notifiers/ops/dead-letters/${id}`)).status).toBe(404);
  });

  it('are dropped when somebody says so', async () => {
    const [id = ''] = await letters();
    expect((await ask(node, 'delete', `sys/notifiers/ops/dead-letters/${id}`)).status).toBe(204);
    expect(await letters()).toEqual([]);
    expect((await ask(node, 'read', `sys/notifiers/ops/dead-letters/${id}`)).status).toBe(404);
    expect((await ask(node, 'delete', `sys/notifiers/ops/dead-letters/${id}`)).status).toBe(204);
    expect((await ask(node, 'delete', `sys/notifiers/nobody/dead-letters/${id}`)).status).toBe(404);
  });

  it('threat 13: are those of their notifier alone', async () => {
    const [id = ''] = await letters();
    for (const odd of ['x', `${id}x`, id.toLowerCase(), 'Ö']) {
      expect((await ask(node, 'read', `sys/notifiers/ops/dead-letters/${odd}`)).status).toBe(404);
    }
    await add('other');
    expect((await ask(node, 'read', `sys/notifiers/other/dead-letters/${id}`)).status).toBe(404);
    expect((await ask(node, 'update', `sys/notifiers/other/dead-letters/${id}`)).status).toBe(404);
    expect(await letters()).toEqual([id]);
  });
});

describe('the core tells', () => {
  beforeEach(() => add('ops'));

  it('that the store is sealed, before it is, and that it was unsealed', async () => {
    await ask(node, 'update', 'sys/seal', {}, rootToken, { from: '192.0.2.9' });
    expect(sinks.letters('ops')).toMatchObject([
      {
        kind: 'store.sealed',
        subject: 'The store was sealed by root',
        fields: { by: 'root', remote_address: '192.0.2.9' },
      },
    ]);
    await node.state.submitKey(place.keys[0] ?? '', '192.0.2.8');
    await until(() => sinks.letters('ops').length === 2);
    expect(sinks.letters('ops')[1]).toMatchObject({
      kind: 'store.unsealed',
      fields: { opened: 'by hand', remote_address: '192.0.2.8' },
    });
  });

  it('of tokens that may do anything, in the commit that makes them', async () => {
    await makeToken(node, { policies: ['default'] });
    const made = await ask(node, 'update', 'auth/token/create', { policies: ['root'] });
    await until(() => sinks.letters('ops').length === 1);
    expect(sinks.letters('ops')[0]).toMatchObject({
      kind: 'token.root_created',
      fields: { path: 'auth/token/create', by: 'root', token_accessor: made.auth?.accessor },
    });
    expect(JSON.stringify(sinks.letters('ops'))).not.toContain(made.auth?.clientToken);
  });

  it('of a root token that keys were handed in for', async () => {
    const begun = await ask(node, 'update', 'sys/generate-root/attempt');
    const { nonce = '' } = begun.data;
    const answer = await ask(
      node,
      'update',
      'sys/generate-root/update',
      { key: place.keys[0] ?? '', nonce },
      null,
    );
    expect(answer.data['complete']).toBe(true);
    await until(() => sinks.kinds('ops').includes('token.root_created'));
    expect(sinks.letters('ops').at(-1)?.fields).toMatchObject({
      path: 'sys/generate-root',
      by: 'somebody without a token',
      remote_address: '192.0.2.1',
    });
  });

  it('and seals all the same where nobody can be told', async () => {
    const { core } = node.state;
    if (core === undefined) throw new Error('sealed');
    core.notices.post = () => Promise.reject(new CofferError('unavailable', 'full'));
    await ask(node, 'update', 'sys/seal');
    expect((await node.state.status()).sealed).toBe(true);
    expect(JSON.stringify(place.log)).toMatch(/a notice could not be put up/);
  });
});

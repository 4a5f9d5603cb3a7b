import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, type LogLine, loggerInto, makePlace, type Place } from '../../../test/fakes/client.ts';
import { CofferError } from '../../errors.ts';
import type { CofferNode } from '../node.ts';
import { inOwnSession } from '../own-session.ts';
import { openDssssHome } from './home.ts';
import { type DssssWish, setUpDssss } from './set-up.ts';
import { refuseDssssWords } from './start.ts';

const account = '111122223333';
let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

function wish(change: Partial<DssssWish> = {}): DssssWish {
  return {
    places: { auth: 'aws', role: 'dssss', secrets: 'roles' },
    distinguished: undefined,
    writers: undefined,
    listers: undefined,
    account: () => Promise.resolve(account),
    ...change,
  };
}

function setUp(change: Partial<DssssWish> = {}, on = node) {
  const { core } = on.state;
  if (core === undefined) throw new Error('sealed');
  const options = { node: on, core, name: 'server-set-up', clock: place.clock };
  return inOwnSession(options, (session) => setUpDssss(session, wish(change)));
}

const role = (name: string) => `aws/${account}:role/${name}`;

describe('what clients of dssss need', () => {
  it('is made once, with the rights of a first start', async () => {
    const rules = { account, distinguished: [role('dssssadmin')], writers: ['*account'], listers: [] };
    expect(await setUp()).toEqual(rules);
    const login = await ask(node, 'read', 'auth/aws/role/dssss');
    expect(login.data).toMatchObject({
      auth_type: 'ec2',
      bound_account_id: [account],
      ignore_nonce: true,
      token_ttl: 900,
      token_max_ttl: 900,
      token_policies: [],
    });
    const asked = () => Promise.reject(new Error('asked again'));
    expect(await setUp({ account: asked })).toEqual(rules);
  });

  it('narrows and widens as the words say, and leaves what they do not say', async () => {
    await setUp({ distinguished: ['boss'], writers: ['writer'], listers: ['lister', 'userpass/ann'] }).catch(
      (error: unknown) => expect(error).toMatchObject({ code: 'invalid_request' }),
    );
    const said = await setUp({ distinguished: ['boss'], writers: ['writer'], listers: ['lister'] });
    expect(said).toEqual({
      account,
      distinguished: [role('dssssadmin'), role('boss')],
      writers: [role('writer')],
      listers: [role('lister')],
    });
    expect(await setUp()).toEqual(said);
    await ask(node, 'update', 'auth/aws/role/dssss', { bound_region: 'eu-central-1' });
    await setUp();
    expect((await ask(node, 'read', 'auth/aws/role/dssss')).data['bound_region']).toEqual(['eu-central-1']);
  });

  it('is made by several nodes at once', async () => {
    const other = await place.node();
    const [one, two] = await Promise.all([setUp(), setUp({}, other)]);
    expect(one).toEqual(two);
  });

  it('is refused where something else is in the way, or the account is not known', async () => {
    await ask(node, 'update', 'sys/mounts/roles', { type: 'kv' });
    await expect(setUp()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('type kv'),
    });
    await ask(node, 'delete', 'sys/mounts/roles');
    const away = () => Promise.reject(new CofferError('unavailable', 'STS is away'));
    await expect(setUp({ account: away })).rejects.toMatchObject({ code: 'unavailable' });
    expect((await ask(node, 'read', 'roles/config')).data['account']).toBe('');
    expect((await setUp()).account).toBe(account);
  });

  it('threat 28: leaves no token behind, and all that was asked in the audit log', async () => {
    const before = (await ask(node, 'list', 'auth/token/accessors')).data['keys'];
    await setUp();
    expect((await ask(node, 'list', 'auth/token/accessors')).data['keys']).toEqual(before);
    const lines = place.auditLines().filter((line) => JSON.stringify(line).includes('server-set-up'));
    for (const path of ['sys/auth/aws', 'sys/mounts/roles', 'roles/config', 'auth/aws/role/dssss'])
      expect(JSON.stringify(lines)).toContain(path);
  });
});

describe('a store that is sealed at start', () => {
  it('is set up once somebody opens it, and looked at no more after the end', async () => {
    await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
    await ask(node, 'update', 'sys/mounts/roles', { type: 'role-secrets' });
    await ask(node, 'update', 'roles/config', { account });
    const late = place.sealedNode();
    await late.state.start();
    const lines: LogLine[] = [];
    const rooms = { node: late, log: loggerInto(lines), env: {}, clock: place.clock };
    using home = await openDssssHome({ 'list-role': ['lister'] }, rooms);
    expect(home.words).toContain('once the store is open');
    place.clock.advance(3_000);
    expect(lines).toEqual([]);
    for (const key of place.keys) await late.state.submitKey(key);
    place.clock.advance(1_000);
    await expect.poll(() => lines.map(({ message }) => message)).toEqual(['clients of dssss are served']);
    expect((await ask(node, 'read', 'roles/config')).data['listers']).toEqual([role('lister')]);
  });

  it('is tried again where it cannot be', async () => {
    await ask(node, 'update', 'sys/mounts/roles', { type: 'kv' });
    const late = place.sealedNode();
    await late.state.start();
    const lines: LogLine[] = [];
    using _ = await openDssssHome({}, { node: late, log: loggerInto(lines), env: {}, clock: place.clock });
    for (const key of place.keys) await late.state.submitKey(key);
    place.clock.advance(1_000);
    await expect
      .poll(() => lines.map(({ fields }) => fields['problem']))
      .toEqual([expect.stringContaining('type kv')]);
    place.clock.advance(30_000);
    await expect.poll(() => lines.length).toBe(2);
  });
});

it('words that do nothing alone are refused', () => {
  expect(() => refuseDssssWords({ 'write-role': ['x'] })).toThrow('--write-role goes with --dssss');
  expect(() => refuseDssssWords({ distinguished: [], dssss: undefined })).not.toThrow();
});

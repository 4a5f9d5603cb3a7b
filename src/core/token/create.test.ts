import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const mayCreate = 'path "auth/token/create" { capabilities = ["update"] }';
const mayCreateAll = 'path "auth/token/create*" { capabilities = ["update", "sudo"] }';

let place: Place;
let node: CofferNode;

beforeAll(async () => {
  place = await makePlace();
  node = await place.node();
  await writePolicy(node, 'maker', mayCreate);
  await writePolicy(node, 'chief', mayCreateAll);
});
afterAll(() => place.remove());

const create = (fields: JsonObject, by: string = rootToken) =>
  ask(node, 'update', 'auth/token/create', fields, by);

async function policiesOf(fields: JsonObject, by: string): Promise<readonly string[]> {
  const made = await create(fields, by);
  return made.auth?.policies ?? [`${made.status}`, ...made.errors];
}

describe('the policies of a new token', () => {
  it('are the parent’s when none are asked for', async () => {
    const parent = await makeToken(node, { policies: ['maker', 'other'] });
    expect(await policiesOf({}, parent)).toEqual(['default', 'maker', 'other']);
    expect(await policiesOf({ no_default_policy: true }, parent)).toEqual(['maker', 'other']);
    expect(await policiesOf({ policies: [] }, parent)).toEqual(['default', 'maker', 'other']);
  });

  it('may be any for a root parent, sorted, once each, with default unless it is not wanted', async () => {
    expect(await policiesOf({ policies: ['z', 'a', 'z'] }, rootToken)).toEqual(['a', 'default', 'z']);
    expect(await policiesOf({ policies: 'z, a' }, rootToken)).toEqual(['a', 'default', 'z']);
    expect(await policiesOf({ policies: ['a'], no_default_policy: true }, rootToken)).toEqual(['a']);
  });

  it('are a subset of a parent’s without sudo', async () => {
    const parent = await makeToken(node, { policies: ['maker', 'other'] });
    expect(await policiesOf({ policies: ['other'] }, parent)).toEqual(['default', 'other']);
    expect(await policiesOf({ policies: ['chief'] }, parent)).toEqual([
      '400',
      'child policies must be subset of parent',
    ]);
    expect(await policiesOf({ policies: ['other', 'chief'] }, parent)).toContain('400');
  });

  it('get no default that a parent without sudo lacks', async () => {
    const parent = await makeToken(node, { policies: ['maker', 'other'], no_default_policy: true });
    expect(await policiesOf({ policies: ['other'] }, parent)).toEqual(['other']);
    expect(await policiesOf({ policies: ['default'] }, parent)).toContain('400');
  });

  it('may be any but root for a parent with sudo on the path', async () => {
    const chief = await makeToken(node, { policies: ['chief'] });
    expect(await policiesOf({ policies: ['other'] }, chief)).toEqual(['default', 'other']);
    expect(await policiesOf({ policies: ['root'] }, chief)).toContain('400');
  });

  it('hold root only alone and from a root parent', async () => {
    expect(await policiesOf({ policies: ['root'] }, rootToken)).toEqual(['root']);
    expect(await policiesOf({ policies: ['root', 'a'] }, rootToken)).toEqual([
      '400',
      'root tokens may not have other policies',
    ]);
    expect(await policiesOf({}, rootToken)).toEqual(['root']);
  });

  it('never hold response-wrapping', async () => {
    expect(await policiesOf({ policies: ['response-wrapping'] }, rootToken)).toContain('400');
    expect(await policiesOf({ policies: ['RESPONSE-WRAPPING'] }, rootToken)).toContain('400');
  });
});

describe('the life of a new token', () => {
  it('has no end for root without a TTL', async () => {
    const { auth } = await create({ policies: ['root'] });
    expect(auth).toMatchObject({ leaseDuration: 0, renewable: false, tokenType: 'service' });
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, auth?.clientToken);
    expect(data).toMatchObject({ ttl: 0, expire_time: null, renewable: false, creation_ttl: 0 });
  });

  it('is the mount’s default when none is asked for', async () => {
    expect((await create({ policies: ['a'] })).auth).toMatchObject({
      leaseDuration: 2_764_800,
      renewable: true,
    });
  });

  it.each([
    [{ ttl: '1h' }, 3_600, false],
    [{ lease: '90s' }, 90, false],
    [{ ttl: 60, explicit_max_ttl: 30 }, 30, true],
    [{ ttl: '9999h' }, 2_764_800, true],
    [{ period: '10m' }, 600, false],
    [{ period: '10m', ttl: '5m' }, 600, false],
    [{ period: '10m', explicit_max_ttl: '5m' }, 300, true],
    [{ explicit_max_ttl: '20m' }, 1_200, true],
  ])('with %j is %i seconds, capped with a warning: %s', async (fields, seconds, capped) => {
    const made = await create({ policies: ['a'], ...fields });
    expect(made.auth?.leaseDuration).toBe(seconds);
    expect(made.warnings.some((warning) => warning.includes('capped'))).toBe(capped);
  });

  it('cannot be endless root made by root with an end', async () => {
    const ending = await makeToken(node, { policies: ['root'], ttl: '1h' });
    const refused = await create({ policies: ['root'] }, ending);
    expect(refused.status).toBe(400);
    expect((await create({}, ending)).status).toBe(400);
    expect((await create({ policies: ['root'], ttl: '30m' }, ending)).status).toBe(200);
  });

  it.each([{ ttl: '-1h' }, { ttl: 'soon' }, { explicit_max_ttl: {} }, { num_uses: -1 }, { num_uses: 'x' }])(
    'is refused for %j',
    async (fields) => {
      expect((await create({ policies: ['a'], ...fields })).status).toBe(400);
    },
  );
});

describe('what else is asked for', () => {
  it('shows metadata, name, uses and parentage', async () => {
    const token = await makeToken(node, {
      policies: ['a'],
      meta: { team: 'blue', n: 3 },
      display_name: 'build server #7',
      num_uses: 5,
      no_parent: true,
      renewable: false,
    });
    const { data } = await ask(node, 'update', 'auth/token/lookup', { token });
    expect(data).toMatchObject({
      id: token,
      meta: { team: 'blue', n: '3' },
      display_name: 'token-build-server--7',
      num_uses: 5,
      orphan: true,
      renewable: false,
      path: 'auth/token/create',
      type: 'service',
      entity_id: '',
    });
  });

  it('takes an id from those with sudo, once', async () => {
    const id = 'my-own-token-1';
    expect(tokenOf(await create({ id, policies: ['a'] }))).toBe(id);
    const again = await create({ id, policies: ['a'] });
    expect([again.status, again.errors]).toEqual([400, ['cannot create a token with a duplicate ID']]);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, id)).data['id']).toBe(id);
    const maker = await makeToken(node, { policies: ['maker'] });
    expect((await create({ id: 'another-token' }, maker)).status).toBe(400);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, 'another-token')).status).toBe(403);
  });

  it.each(['short', 'has.dot.inside', 'has space in it', 'has\nline break', 'ü'.repeat(10), 'x'.repeat(201)])(
    'refuses %j as an id',
    async (id) => {
      expect((await create({ id, policies: ['a'] })).status).toBe(400);
    },
  );

  it('gives an id away once, however many ask at the same time', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, () => create({ id: 'wanted-by-many', policies: ['a'] })),
    );
    expect(made.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(made.filter(({ status }) => status === 400)).toHaveLength(19);
  });

  it.each([{ no_parent: true }, { period: '1h' }, { id: 'needs-sudo-for-this' }])(
    'refuses %j without sudo',
    async (fields) => {
      const maker = await makeToken(node, { policies: ['maker'] });
      expect((await create(fields, maker)).status).toBe(400);
      const chief = await makeToken(node, { policies: ['chief'] });
      expect((await create({ policies: ['a'], ...fields }, chief)).status).toBe(200);
    },
  );

  it('needs sudo for create-orphan, which makes an orphan', async () => {
    const maker = await makeToken(node, { policies: ['maker'] });
    expect((await ask(node, 'update', 'auth/token/create-orphan', {}, maker)).status).toBe(403);
    const chief = await makeToken(node, { policies: ['chief'] });
    const made = await ask(node, 'update', 'auth/token/create-orphan', {}, chief);
    expect(made.auth).toMatchObject({ orphan: true });
    await ask(node, 'update', 'auth/token/revoke', { token: chief });
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(made))).status).toBe(200);
  });

  it('takes the kinds of tokens that there are', async () => {
    expect((await create({ type: 'bulk', policies: ['a'] })).status).toBe(400);
    for (const type of ['service', 'default', '']) {
      expect((await create({ type, policies: ['a'] })).auth?.tokenType).toBe('service');
    }
  });

  it('lets a chain of parents grow only so long', async () => {
    await writePolicy(node, 'maker', mayCreate);
    let parent = await makeToken(node, { policies: ['maker'] });
    let depth = 1;
    for (;;) {
      const made = await create({}, parent);
      if (made.status !== 200) {
        expect(made.status).toBe(400);
        break;
      }
      parent = tokenOf(made);
      depth += 1;
      expect(depth).toBeLessThan(100);
    }
    expect(depth).toBe(32);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, finishDuties, keysOf, tokenOf, writePolicy } from '../../../test/fakes/client.ts';
import { parseApiPath } from '../path.ts';
import { present } from '../unwrapped.ts';
import { headers, heldBy, makePeople, type People } from './approval.fixture.ts';

let people: People;
let rose: string;
let ann: string;
let bob: string;
beforeEach(async () => {
  people = await makePeople();
  rose = await people.logIn('rose', ['guarded', 'approver']);
  ann = await people.logIn('ann', ['approver']);
  bob = await people.logIn('bob', ['approver']);
});
afterEach(() => people.place.remove());

const path = 'secret/data/guarded';

function approve(token: string, accessor: string): Promise<Asked> {
  return people.as(token, 'update', `sys/approvals/${accessor}/approve`);
}

function unwrap(token: string, held: string): Promise<Asked> {
  return people.as(token, 'update', 'sys/wrapping/unwrap', { token: held });
}

/** The same call, with an approval. */
function repeat(token: string, accessor: string, data = {}, wrapTtl = 0, at = path): Promise<Asked> {
  const options = { ...headers({ 'x-coffer-approval': accessor }), wrapTtl };
  return people.as(token, 'read', at, data, options);
}

async function rule(approval: string): Promise<void> {
  const capabilities = '["create", "read", "update"]';
  await writePolicy(
    people.node,
    'guarded',
    `path "secret/data/*" { capabilities = ${capabilities} ${approval} }`,
  );
}

/** One more login of somebody: an alias at the other mount. */
async function otherLogin(alias: string, of: string): Promise<string> {
  const auth = (await ask(people.node, 'read', 'sys/auth')).data['others/'] as { accessor: string };
  const sent = { name: alias, mount_accessor: auth.accessor, canonical_id: await people.entityOf(of) };
  const { status, errors } = await ask(people.node, 'update', 'identity/entity-alias', sent);
  if (status >= 400) throw new Error(errors.join());
  return people.logIn(alias, ['approver'], 'others');
}

describe('approvers', () => {
  it('threat 06: nobody approves a request of their own, by whatever login', async () => {
    await people.group('admins', ['ann', 'rose']);
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    const other = await otherLogin('rose-elsewhere', 'rose');
    for (const own of [rose, other]) {
      expect((await approve(own, accessor)).status).toBe(403);
      const authorized = await people.as(own, 'update', 'sys/control-group/authorize', { accessor });
      expect(authorized.status).toBe(403);
      expect((await people.as(own, 'update', `sys/approvals/${accessor}/deny`)).status).toBe(403);
    }
    expect((await unwrap(rose, token)).status).toBe(403);
  });

  it('threat 06: an approver who is merged into the requester does not count', async () => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    expect((await approve(ann, accessor)).data).toMatchObject({ approved: true });
    await merge('ann', 'rose');
    expect((await unwrap(rose, token)).status).toBe(403);
    expect((await repeat(rose, accessor)).status).toBe(403);
  });

  it('threat 06: a requester who is merged into an approver does not approve', async () => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    await merge('rose', 'ann');
    expect((await approve(ann, accessor)).status).toBe(403);
    expect((await unwrap(rose, token)).status).toBe(403);
  });

  it('threat 06: one person counts once, by two logins and after a merge', async () => {
    await rule('approval { from = ["group/admins"] count = 2 }');
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    const elsewhere = await otherLogin('ann-elsewhere', 'ann');
    for (const own of [ann, elsewhere, ann]) {
      expect((await approve(own, accessor)).data).toMatchObject({ approved: false, factors: [{ have: 1 }] });
    }
    expect((await approve(bob, accessor)).data).toMatchObject({ approved: true, factors: [{ have: 2 }] });
    await merge('bob', 'ann');
    expect((await unwrap(rose, token)).errors).toEqual(['request needs further approval: 1 of 2 approvals']);
  });

  it.each([
    ['left the group', () => people.group('admins', ['bob'])],
    ['was disabled', async () => change(await people.entityOf('ann'), { disabled: true })],
    [
      'is gone',
      async () => {
        await ask(people.node, 'delete', `identity/entity/id/${await people.entityOf('ann')}`);
      },
    ],
  ])('threat 06: who %s does not count any more', async (_what, happens) => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    expect((await approve(ann, accessor)).data).toMatchObject({ approved: true });
    await happens();
    expect((await unwrap(rose, token)).status).toBe(403);
    expect((await repeat(rose, accessor)).status).toBe(403);
    expect((await approve(bob, accessor)).data).toMatchObject({ approved: true });
    expect((await unwrap(rose, token)).status).toBe(200);
  });

  it('threat 09: names count as they are written, and no look-alike of a group is made', async () => {
    await rule('approval { from = ["group/Admins", "entity/ANN"] }');
    const { accessor } = heldBy(await people.as(rose, 'read', path));
    expect((await approve(ann, accessor)).status).toBe(404);
    expect((await ask(people.node, 'update', 'identity/group', { name: 'Admins' })).status).toBe(400);
  });

  it('without an entity neither ask nor decide', async () => {
    const { accessor } = heldBy(await people.as(rose, 'read', path));
    const nobody = tokenOf(
      await ask(people.node, 'update', 'auth/token/create', {
        policies: ['guarded', 'approver'],
        no_parent: true,
      }),
    );
    const asked = await people.as(nobody, 'read', path);
    expect(asked).toMatchObject({ status: 403 });
    expect(asked.errors.join()).toContain('has no entity');
    for (const token of [nobody, undefined]) {
      const answer = await ask(people.node, 'update', `sys/approvals/${accessor}/approve`, {}, token);
      expect(answer.status).toBe(403);
      expect(answer.errors.join()).toContain('only an entity');
    }
  });

  it('decide by a policy and by the rule’s own list, both', async () => {
    const { accessor } = heldBy(await people.as(rose, 'read', path));
    const withoutPolicy = await people.logIn('ann');
    expect((await approve(withoutPolicy, accessor)).status).toBe(403);
    const outsider = await people.logIn('mallory', ['approver']);
    expect((await approve(outsider, accessor)).status).toBe(404);
  });
});

async function merge(from: string, to: string): Promise<void> {
  const sent = {
    from_entity_ids: [await people.entityOf(from)],
    to_entity_id: await people.entityOf(to),
    conflicting_alias_ids_to_keep: [await aliasOf(to)],
  };
  const { status, errors } = await ask(people.node, 'update', 'identity/entity/merge', sent);
  if (status >= 400) throw new Error(errors.join());
}

async function aliasOf(name: string): Promise<string> {
  const { data } = await ask(people.node, 'read', `identity/entity/id/${await people.entityOf(name)}`);
  const [first] = data['aliases'] as { id: string }[];
  return first?.id ?? '';
}

async function change(entity: string, fields: Readonly<Record<string, boolean>>): Promise<void> {
  await ask(people.node, 'update', `identity/entity/id/${entity}`, fields);
}

describe('an approval', () => {
  it('threat 06: is for one request: another path, field, wrapping, operation or token has none', async () => {
    await rule('approval { from = ["group/admins"] }');
    await ask(people.node, 'update', 'secret/data/other', { data: { a: 'b' } });
    const { accessor } = heldBy(await people.as(rose, 'read', path, { version: '1' }));
    await approve(ann, accessor);
    const another = await people.logIn('rose', ['guarded']);
    const refused = [
      await repeat(rose, accessor),
      await repeat(rose, accessor, { version: '2' }),
      await repeat(rose, accessor, { version: '1', more: 'a' }),
      await repeat(rose, accessor, { version: '1' }, 60),
      await repeat(rose, accessor, { version: '1' }, 0, 'secret/data/other'),
      await repeat(another, accessor, { version: '1' }),
      await repeat(ann, accessor, { version: '1' }),
      await people.as(rose, 'update', path, { version: '1' }, headers({ 'x-coffer-approval': accessor })),
    ];
    expect(refused.map(({ status, hasData }) => [status, hasData])).toEqual(refused.map(() => [403, false]));
    expect((await repeat(rose, accessor, { version: '1' })).status).toBe(200);
  });

  it('threat 06: to create something is none to overwrite what came in between', async () => {
    await rule('approval { from = ["group/admins"] }');
    const { accessor, token } = heldBy(
      await people.as(rose, 'update', 'secret/data/new', { data: { a: 'mine' } }),
    );
    expect((await approve(ann, accessor)).data).toMatchObject({ operation: 'create', approved: true });
    await ask(people.node, 'update', 'secret/data/new', { data: { a: 'first' } });
    expect((await unwrap(rose, token)).status).toBe(403);
    const { data } = await ask(people.node, 'read', 'secret/data/new');
    expect(data).toMatchObject({ data: { a: 'first' }, metadata: { version: 1 } });
  });

  it('threat 18: ends with the policy, and with the token that asked', async () => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    await approve(ann, accessor);
    await writePolicy(people.node, 'guarded', 'path "secret/data/none" { capabilities = ["read"] }');
    expect((await unwrap(rose, token)).status).toBe(403);
    await rule('approval { from = ["group/admins"] count = 2 }');
    expect((await unwrap(rose, token)).status).toBe(403);
    await ask(people.node, 'update', 'auth/token/revoke-self', {}, rose);
    await rule('approval { from = ["group/admins"] }');
    expect(await unwrap(token, token)).toMatchObject({ status: 403, hasData: false });
  });

  it('threat 18: ends in time, and leaves nothing', async () => {
    await finishDuties(people.node, people.place.clock);
    const before = (await keysOf(people.place.storage)).filter((key) => !/^core\/(audit|duty)/.test(key));
    const { accessor, token } = heldBy(await people.as(rose, 'read', path, { version: '1' }));
    await approve(ann, accessor);
    people.place.clock.jump(600);
    expect((await unwrap(rose, token)).status).toBe(400);
    expect((await repeat(rose, accessor, { version: '1' })).status).toBe(403);
    expect((await approve(bob, accessor)).status).toBe(404);
    await finishDuties(people.node, people.place.clock);
    const after = (await keysOf(people.place.storage)).filter((key) => !/^core\/(audit|duty)/.test(key));
    expect(after.filter((key) => !before.includes(key))).toEqual([]);
  });

  it('threat 18: leaves nothing of what was sent once it is used, denied or withdrawn', async () => {
    await rule('approval { from = ["group/admins"] }');
    const bodies = async () =>
      (await keysOf(people.place.storage)).filter((key) => key.includes('/.wrapped/')).length;
    const hold = async () =>
      heldBy(await people.as(rose, 'update', path, { data: { a: 'x'.repeat(300_000) } }));
    const used = await hold();
    expect(await bodies()).toBe(3);
    await approve(ann, used.accessor);
    expect((await unwrap(rose, used.token)).status).toBe(200);
    expect(await bodies()).toBe(0);
    const denied = await hold();
    const no = await people.as(ann, 'update', `sys/approvals/${denied.accessor}/deny`, {
      reason: 'not today',
    });
    expect(no.data).toMatchObject({ status: 'denied', denial: { reason: 'not today' } });
    expect(await bodies()).toBe(0);
    expect((await approve(bob, denied.accessor)).status).toBe(403);
    expect((await unwrap(rose, denied.token)).errors.join()).toContain('was denied by');
    const withdrawn = await hold();
    expect((await people.as(ann, 'delete', `sys/approvals/${withdrawn.accessor}`)).status).toBe(403);
    expect((await people.as(rose, 'delete', `sys/approvals/${withdrawn.accessor}`)).status).toBe(204);
    expect(await bodies()).toBe(0);
    expect((await unwrap(rose, withdrawn.token)).status).toBe(403);
  });

  it('threat 13: of others is as good as none, by every route', async () => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    const mallory = await people.logIn('mallory', ['approver', 'guarded']);
    const routes = [
      await people.as(mallory, 'read', `sys/approvals/${accessor}`),
      await people.as(mallory, 'delete', `sys/approvals/${accessor}`),
      await people.as(mallory, 'update', `sys/approvals/${accessor}/approve`),
      await people.as(mallory, 'update', `sys/approvals/${accessor}/deny`),
      await people.as(mallory, 'update', 'sys/control-group/request', { accessor }),
      await people.as(mallory, 'update', 'sys/control-group/authorize', { accessor }),
    ];
    expect(routes.map(({ status }) => status)).toEqual(routes.map(() => 404));
    expect((await people.as(mallory, 'list', 'sys/approvals/')).status).toBe(404);
    await approve(ann, accessor);
    expect(await unwrap(mallory, token)).toMatchObject({ status: 400, hasData: false });
    expect(await repeat(mallory, accessor)).toMatchObject({ status: 403, hasData: false });
    expect((await unwrap(rose, token)).status).toBe(200);
  });

  it('threat 28: nothing that a request says lets it go by another’s token', async () => {
    const { core } = people.node.state;
    if (core === undefined) throw new Error('the node is sealed');
    const { data } = await people.as(rose, 'read', 'auth/token/lookup-self');
    const forged = {
      accessor: 'a',
      token: core.tokens.idOf(rose),
      tokenAccessor: String(data['accessor']),
      request: {
        id: 'a',
        operation: 'read' as const,
        path: parseApiPath(path),
        data: {},
        token: undefined,
        wrapTtl: 0,
        remoteAddress: '192.0.2.1',
      },
    };
    expect((await present(core, forged.request, forged)).token).toBeUndefined();
    const sent = { unwrapped: forged.accessor, token: 'x', approved: true };
    expect((await people.as(rose, 'update', 'sys/wrapping/unwrap', sent)).status).toBe(400);
  });

  it('threat 28: a wrapping token of a request is never wrapped again or taken for an answer', async () => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    expect((await ask(people.node, 'update', 'sys/wrapping/rewrap', { token })).status).toBe(403);
    await approve(ann, accessor);
    expect((await ask(people.node, 'update', 'sys/wrapping/unwrap', { token })).status).toBe(400);
    const cubbyhole = await ask(people.node, 'read', 'cubbyhole/.wrapped/0000', {}, token);
    expect(cubbyhole.status).toBe(403);
    expect((await ask(people.node, 'update', 'sys/wrapping/lookup', { token }, null)).data).toMatchObject({
      creation_path: path,
      creation_ttl: 600,
    });
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, rootToken, storedText, tokenOf } from '../../../test/fakes/client.ts';
import { decodeBase32 } from '../../crypto/base32.ts';
import { codeAt, stepAt } from '../../crypto/one-time-code.ts';
import { headers, heldBy, makePeople, type People } from './approval.fixture.ts';

let people: People;
let rose: string;
let ann: string;
beforeEach(async () => {
  people = await makePeople();
  rose = await people.logIn('rose', ['guarded']);
  ann = await people.logIn('ann', ['approver']);
});
afterEach(() => people.place.remove());

const path = 'secret/data/guarded';

function unwrap(token: string, held?: string) {
  return people.as(token, 'update', 'sys/wrapping/unwrap', held === undefined ? {} : { token: held });
}

describe('a request that needs an approval', () => {
  it('is kept, approved, and carried out once', async () => {
    const asked = await people.as(rose, 'read', path);
    expect(asked).toMatchObject({ status: 200, hasData: false });
    expect(asked.wrap).toMatchObject({ ttl: 600, creationPath: path });
    const { accessor, token } = heldBy(asked);
    expect(await unwrap(rose, token)).toMatchObject({
      status: 403,
      errors: ['request needs further approval: 0 of 1 approvals'],
    });
    const approved = await people.as(ann, 'update', 'sys/control-group/authorize', { accessor });
    expect(approved).toMatchObject({ status: 200, data: { approved: true } });
    const { data } = await people.as(rose, 'update', 'sys/control-group/request', { accessor });
    expect(data).toMatchObject({
      approved: true,
      request_path: path,
      request_entity: { id: await people.entityOf('rose') },
      authorizations: [{ entity_id: await people.entityOf('ann') }],
    });
    const answer = await unwrap(rose, token);
    expect(answer).toMatchObject({ status: 200, data: { data: { password: 'hunter2' } } });
    expect((await unwrap(rose, token)).status).toBe(400);
    expect((await unwrap(token)).status).toBe(400);
  });

  it('is carried out for whoever has its token alone, as clients without a login unwrap', async () => {
    const { accessor, token } = heldBy(await people.as(rose, 'read', path));
    expect((await unwrap(token)).status).toBe(403);
    await people.as(ann, 'update', `sys/approvals/${accessor}/approve`);
    expect((await unwrap(token)).data).toMatchObject({ data: { password: 'hunter2' } });
  });

  it('is carried out by repeating it with its accessor', async () => {
    const { accessor } = heldBy(await people.as(rose, 'read', path));
    const again = () => people.as(rose, 'read', path, {}, headers({ 'x-coffer-approval': accessor }));
    expect((await again()).status).toBe(403);
    await people.as(ann, 'update', `sys/approvals/${accessor}/approve`);
    expect((await again()).data).toMatchObject({ data: { password: 'hunter2' } });
    expect(await again()).toMatchObject({ status: 403, errors: ['this request was carried out already'] });
  });

  it('shows approvers what is asked and by whom, and no secret', async () => {
    const sent = { data: { password: 'other-secret' }, unknown: 'also-secret' };
    const reason = Buffer.from('wegen Störung 7').toString('latin1');
    const asked = await people.as(rose, 'update', path, sent, {
      ...headers({ 'x-coffer-reason': reason }),
      from: '192.0.2.77',
    });
    const { accessor } = heldBy(asked);
    const { data } = await people.as(ann, 'read', `sys/approvals/${accessor}`);
    expect(data).toMatchObject({
      status: 'waiting',
      operation: 'update',
      path,
      requester_id: await people.entityOf('rose'),
      reason: 'wegen Störung 7',
      remote_address: '192.0.2.77',
      fields: { data: '(not shown)', unknown: '(not shown)' },
      factors: [{ from: ['group/admins'], count: 1, have: 0 }],
    });
    expect(JSON.stringify(data)).not.toContain('other-secret');
    expect(await storedText(people.place.storage)).not.toContain('other-secret');
    const log = JSON.stringify(people.place.auditLines());
    expect(log).toContain('approval-requested');
    expect(log).not.toContain('other-secret');
  });
});

describe('an approver’s login', () => {
  it('is shown, and whether it had proven a second factor', async () => {
    const { node, place } = people;
    const method = await people.as(rootToken, 'update', 'identity/mfa/method/totp', { issuer: 'Example' });
    const method_id = String(method.data['method_id']);
    const entity_id = await people.entityOf('ann');
    const made = await people.as(rootToken, 'update', 'identity/mfa/method/totp/admin-generate', {
      method_id,
      entity_id,
    });
    const secret = decodeBase32(new URL(String(made.data['url'])).searchParams.get('secret') ?? '');
    await people.as(rootToken, 'update', 'identity/mfa/login-enforcement/ann', {
      mfa_method_ids: [method_id],
      identity_entity_ids: [entity_id],
    });
    if (secret === undefined) throw new Error('no secret');
    const settings = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
    const code = codeAt(secret, stepAt(place.clock.now(), settings), settings);
    const login = await ask(
      node,
      'update',
      'auth/people/login',
      { alias: 'ann', policies: ['approver'] },
      null,
      {
        request: { mfa: [`${method_id}:${code}`] },
      },
    );
    const { accessor } = heldBy(await people.as(rose, 'read', path));
    const approved = await people.as(tokenOf(login), 'update', `sys/approvals/${accessor}/approve`);
    expect(approved.data).toMatchObject({
      authorizations: [{ entity_id, login: 'auth/people/login', second_factor: true }],
    });
    const other = heldBy(await people.as(rose, 'read', path));
    const without = await people.as(ann, 'update', `sys/approvals/${other.accessor}/approve`);
    expect(without.data).toMatchObject({ authorizations: [{ second_factor: false }] });
  });
});

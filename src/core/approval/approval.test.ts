import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storedText } from '../../../test/fakes/client.ts';
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

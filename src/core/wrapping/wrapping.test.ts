import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  auditText,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { failNth, faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

const notValid = 'wrapping token is not valid or does not exist';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

function unwrap(token: string | undefined, data: JsonObject = {}) {
  return ask(node, 'update', 'sys/wrapping/unwrap', data, token);
}

async function wrap(data: JsonObject, ttl = 60): Promise<string> {
  const { wrap: info } = await ask(node, 'update', 'sys/wrapping/wrap', data, undefined, { wrapTtl: ttl });
  if (!info) throw new Error('not wrapped');
  return info.token;
}

/** What is in the store beside what every store has. */
async function left(): Promise<readonly string[]> {
  const keys = await keysOf(place.storage);
  return keys.filter((key) => key.includes('/.wrapped/') || key.startsWith('core/token/'));
}

describe('response wrapping', () => {
  it('hands an answer to its one reader as it would have been', async () => {
    await ask(node, 'update', 'secret/data/a', { data: { password: 'p' } });
    const plain = await ask(node, 'read', 'secret/data/a');
    const wrapped = await ask(node, 'read', 'secret/data/a', {}, undefined, { wrapTtl: 90 });
    expect(wrapped).toMatchObject({ status: 200, hasData: false, auth: null });
    expect(wrapped.wrap).toMatchObject({ ttl: 90, creationPath: 'secret/data/a' });
    const token = wrapped.wrap?.token ?? '';
    const { status, data, text } = await unwrap(token);
    expect({ status, data }).toEqual({ status: 200, data: plain.data });
    expect(JSON.parse(text ?? '')).toMatchObject({ request_id: '', wrap_info: null, mount_type: 'kv' });
    expect(await unwrap(token)).toMatchObject({ status: 400, errors: [notValid] });
  });

  it('lets another token take it out, named in the body', async () => {
    const token = await wrap({ a: 1 });
    const reader = await makeToken(node, { policies: ['default'] });
    expect((await unwrap(reader, { token })).data).toEqual({ a: 1 });
    expect(await unwrap(reader, { token })).toMatchObject({ status: 400, errors: [notValid] });
    expect(await unwrap(token)).toMatchObject({ status: 400, errors: [notValid] });
  });

  it('says of a wrapped login which accessor to look for', async () => {
    const made = await ask(node, 'update', 'auth/token/create', { policies: 'default' }, undefined, {
      wrapTtl: 60,
    });
    expect(made.auth).toBeNull();
    const { text } = await unwrap(made.wrap?.token ?? '');
    const { auth } = JSON.parse(text ?? '') as { auth: { accessor: string; client_token: string } };
    expect(auth.accessor).toBe(made.wrap?.wrappedAccessor);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, auth.client_token)).status).toBe(200);
  });

  it('wraps neither nothing nor errors', async () => {
    const options = { wrapTtl: 60 };
    expect((await ask(node, 'read', 'secret/data/none', {}, undefined, options)).status).toBe(404);
    expect((await ask(node, 'list', 'secret/metadata/', {}, undefined, options)).status).toBe(404);
    expect((await ask(node, 'delete', 'secret/data/none', {}, undefined, options)).status).toBe(204);
    expect((await ask(node, 'read', 'secret/data/a', {}, 'no-token', options)).status).toBe(403);
  });

  it('does nothing at all where it was asked to wrap for longer than can be', async () => {
    const data = { data: { a: 1 } };
    const refused = await ask(node, 'update', 'secret/data/n', data, undefined, { wrapTtl: 2_764_801 });
    expect(refused.status).toBe(400);
    expect((await ask(node, 'read', 'secret/data/n')).status).toBe(404);
  });

  it('threat 15: keeps nothing for strangers', async () => {
    const before = await left();
    for (const path of ['sys/internal/ui/mounts', 'sys/wrapping/lookup', 'sys/seal-status']) {
      const { wrap: info } = await ask(node, 'read', path, {}, null, { wrapTtl: 60 });
      expect(info ?? null, path).toBeNull();
    }
    expect(await left()).toEqual(before);
    expect((await ask(node, 'read', 'sys/internal/ui/mounts', {}, null, { wrapTtl: 60 })).status).toBe(400);
  });

  it('wraps only where it is asked to', async () => {
    const refused = await ask(node, 'update', 'sys/wrapping/wrap', { a: 1 });
    expect(refused).toMatchObject({ status: 400 });
    const empty = await ask(node, 'update', 'sys/wrapping/wrap', {}, undefined, { wrapTtl: 5 });
    expect((await unwrap(empty.wrap?.token ?? '')).data).toEqual({});
    const long = await ask(node, 'update', 'sys/wrapping/wrap', {}, undefined, { wrapTtl: 2_764_801 });
    expect(long.status).toBe(400);
  });

  it('shows where it came from to anyone who holds the token, without using it up', async () => {
    const token = await wrap({ a: 1 }, 77);
    for (const operation of ['read', 'update'] as const) {
      const { data } = await ask(node, operation, 'sys/wrapping/lookup', { token }, null);
      expect(data).toMatchObject({ creation_ttl: 77, creation_path: 'sys/wrapping/wrap' });
    }
    expect((await ask(node, 'update', 'sys/wrapping/lookup', {}, token)).data['creation_ttl']).toBe(77);
    for (const other of ['hvs.nothing', '', await makeToken(node)]) {
      expect(await ask(node, 'update', 'sys/wrapping/lookup', { token: other }, null)).toMatchObject({
        status: 400,
        errors: [notValid],
      });
    }
    expect((await unwrap(token)).data).toEqual({ a: 1 });
  });

  it('is put under a new token of the same life, and the old one ends', async () => {
    const old = await wrap({ a: 1 }, 100);
    place.clock.jump(40);
    const { wrap: info } = await ask(node, 'update', 'sys/wrapping/rewrap', { token: old });
    expect(info).toMatchObject({ ttl: 100, creationPath: 'sys/wrapping/wrap' });
    expect((await unwrap(old)).status).toBe(400);
    place.clock.jump(70);
    expect((await unwrap(info?.token ?? '')).data).toEqual({ a: 1 });
    expect((await ask(node, 'update', 'sys/wrapping/rewrap', { token: old })).status).toBe(400);
  });

  it('can be read as older clients do', async () => {
    const token = await wrap({ a: 1 });
    const { data, warnings } = await ask(node, 'read', 'cubbyhole/response', {}, token);
    expect(JSON.parse(String(data['response']))).toMatchObject({ data: { a: 1 } });
    expect(warnings).toHaveLength(1);
    expect((await unwrap(token)).status).toBe(400);
  });

  it('keeps answers of many parts, and nothing once they are taken', async () => {
    const before = await left();
    const data = { a: 'ä'.repeat(600_000) };
    expect((await unwrap(await wrap(data))).data).toEqual(data);
    await finishDuties(node, place.clock);
    place.clock.jump(300);
    await finishDuties(node, place.clock);
    expect(await left()).toEqual(before);
    const huge = await ask(node, 'update', 'sys/wrapping/wrap', { a: 'x'.repeat(4_200_000) }, undefined, {
      wrapTtl: 5,
    });
    expect(huge.status).toBe(413);
  });

  it('gives the text to exactly one of many', async () => {
    const token = await wrap({ a: 1 });
    const own = Array.from({ length: 8 }, () => unwrap(token));
    const named = Array.from({ length: 8 }, () => unwrap(undefined, { token }));
    const answers = await Promise.all([...own, ...named]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('threat 18: a wrapped answer is gone after its end, with what it would have brought', async () => {
    const before = await left();
    const token = await wrap({ a: 1 }, 60);
    place.clock.jump(60);
    expect(await unwrap(token)).toMatchObject({ status: 400, errors: [notValid] });
    expect((await unwrap(undefined, { token })).status).toBe(400);
    await finishDuties(node, place.clock);
    expect(await left()).toEqual(before);
  });

  it('threat 18: what cannot be wrapped is taken back', async () => {
    const plan = failNth('commit', 2, 'before');
    let armed = false;
    const ill = await place.node(
      faultyStorage(place.storage, (count, operation) => (armed ? plan(count, operation) : undefined)),
    );
    const before = await left();
    armed = true;
    const answer = await ask(ill, 'update', 'auth/token/create', { policies: 'default' }, undefined, {
      wrapTtl: 60,
    });
    expect(answer.status).toBe(503);
    expect(answer.auth).toBeNull();
    await finishDuties(node, place.clock);
    expect(await left()).toEqual(before);
  });

  it('threat 16: neither what is wrapped nor its token is in the audit log', async () => {
    const token = await wrap({ canary: 'the-wrapped-canary' });
    await ask(node, 'update', 'sys/wrapping/lookup', { token }, null);
    const { wrap: info } = await ask(node, 'update', 'sys/wrapping/rewrap', { token });
    await unwrap(info?.token ?? '');
    const log = auditText(place.auditDirectory);
    for (const secret of ['the-wrapped-canary', token, info?.token ?? '?']) expect(log).not.toContain(secret);
    expect(log).toContain('wrap_info');
  });

  it('threat 05: a wrapping token opens nothing but its own answer', async () => {
    await writePolicy(node, 'response-wrapping-not', 'path "secret/*" { capabilities = ["read"] }');
    const token = await wrap({ a: 1 });
    for (const path of ['auth/token/lookup-self', 'secret/data/a', 'cubbyhole/other']) {
      const fresh = await wrap({ a: 2 });
      expect((await ask(node, 'read', path, {}, fresh)).status).toBe(403);
    }
    const other = await wrap({ b: 1 });
    expect((await ask(node, 'update', 'sys/wrapping/rewrap', { token: other }, token)).status).toBe(403);
  });
});

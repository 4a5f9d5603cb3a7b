import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { JsonValue } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { findRequest } from '../audit/find.ts';

let place: Place;
let node: CofferNode;
let second: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  second = await place.node();
});
afterEach(() => place.remove());

const apis = [
  ['sys/policies/acl', 'policy'],
  ['sys/policy', 'rules'],
] as const;
const reader = 'path "secret/data/*" { capabilities = ["read"] }';
const outcome = ({ status, errors }: Asked) => [status, ...errors];

describe.each(apis)('policies through %s', (api, member) => {
  const write = (name: string, policy: JsonValue) => ask(node, 'update', `${api}/${name}`, { policy });
  const read = (name: string) => ask(node, 'read', `${api}/${name}`);

  it('are kept byte for byte, and read on every node', async () => {
    const text = '# a comment ü\n\n  path "secret/*"   {\n\tcapabilities=["read","list"]}\r\n';
    expect(outcome(await write('app', text))).toEqual([204]);
    expect((await read('app')).data).toEqual({ name: 'app', [member]: text });
    expect((await ask(second, 'read', `${api}/app`)).data[member]).toBe(text);
    const old = 'path "sys" { policy = "deny" }';
    await write('app', old);
    expect((await read('app')).data[member]).toBe(old);
  });

  it('may be JSON, as text or as an object', async () => {
    const policy = { path: { 'secret/*': { capabilities: ['read'] } } };
    await write('text', JSON.stringify(policy, undefined, 1));
    expect((await read('text')).data[member]).toBe(JSON.stringify(policy, undefined, 1));
    await write('object', policy);
    expect((await read('object')).data[member]).toBe(JSON.stringify(policy));
  });

  it('are listed with root and default', async () => {
    await write('b', reader);
    await write('a/nested', reader);
    for (const operation of ['list', 'read'] as const) {
      const { data } = await ask(node, operation, operation === 'list' ? `${api}/` : api);
      expect(data['keys']).toEqual(['a/nested', 'b', 'default', 'root']);
      expect(data['policies']).toEqual(member === 'rules' ? data['keys'] : undefined);
    }
  });

  it('are deleted; what is not there is deleted already', async () => {
    await write('app', reader);
    expect(outcome(await ask(node, 'delete', `${api}/app`))).toEqual([204]);
    expect(outcome(await ask(node, 'delete', `${api}/app`))).toEqual([204]);
    expect(outcome(await read('app'))).toEqual([404]);
  });

  it('have names in lower case, with a warning', async () => {
    const written = await write('MyApp', reader);
    expect(written.status).toBe(200);
    expect(written.warnings.join()).toContain('lower');
    expect((await read('myapp')).data['name']).toBe('myapp');
    expect((await read('MYAPP')).data['name']).toBe('myapp');
    expect((await ask(node, 'delete', `${api}/MyApp`)).status).toBe(204);
    expect((await read('myapp')).status).toBe(404);
  });

  it('are taken as "rules" too, with a warning', async () => {
    const written = await ask(node, 'update', `${api}/app`, { rules: reader });
    expect([written.status, written.warnings.length]).toEqual([200, 1]);
    expect((await read('app')).data[member]).toBe(reader);
  });

  it.each(['root', 'ROOT', 'response-wrapping'])('cannot be written or deleted as %s', async (name) => {
    expect((await write(name, reader)).status).toBe(400);
    expect((await ask(node, 'delete', `${api}/${name}`)).status).toBe(400);
  });

  it('called default may be changed, not deleted', async () => {
    expect(outcome(await write('default', reader))).toEqual([204]);
    expect((await ask(node, 'delete', `${api}/default`)).status).toBe(400);
    expect((await read('default')).data[member]).toBe(reader);
  });

  it.each([
    [''],
    ['not a policy'],
    ['path "x" { capabilities = ["fly"] }'],
    ['path "x" { capabilities = ["read"], unknown_key = 1 }'],
    [{ path: 'secret' }],
    [17],
    [null],
  ])('are refused as %j, and nothing changes', async (text) => {
    await write('app', reader);
    expect((await write('app', text)).status).toBe(400);
    expect((await read('app')).data[member]).toBe(reader);
  });

  it('are refused when they are too long', async () => {
    expect((await write('app', `# ${'x'.repeat(300_000)}\n${reader}`)).status).toBe(400);
    expect((await read('app')).status).toBe(404);
  });
});

describe('a change of a policy', () => {
  it('holds from the very next request on, on every node', async () => {
    await ask(node, 'update', 'secret/data/x', { data: { a: 1 } });
    const token = await makeToken(node, { policies: ['app'] });
    const may = async (at: CofferNode) => (await ask(at, 'read', 'secret/data/x', {}, token)).status === 200;
    for (const [changer, other] of [
      [node, second],
      [second, node],
    ] as const) {
      expect([await may(changer), await may(other)]).toEqual([false, false]);
      await writePolicy(changer, 'app', reader);
      expect([await may(other), await may(changer)]).toEqual([true, true]);
      await writePolicy(changer, 'app', 'path "secret/data/x" { capabilities = ["deny"] }');
      expect([await may(other), await may(changer)]).toEqual([false, false]);
      await writePolicy(changer, 'app', reader);
      expect([await may(other), await may(changer)]).toEqual([true, true]);
      await ask(changer, 'delete', 'sys/policies/acl/app');
    }
  });

  it('is never lost among changes of others at the same moment', async () => {
    await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        writePolicy(i % 2 === 0 ? node : second, `p${i}`, `# ${i}\n${reader}`),
      ),
    );
    for (let i = 0; i < 24; i++) {
      const { data } = await ask(i % 2 === 0 ? second : node, 'read', `sys/policies/acl/p${i}`);
      expect(data['policy']).toBe(`# ${i}\n${reader}`);
    }
  });
});

describe('capabilities-self', () => {
  const capabilities = (paths: JsonValue, token?: string) =>
    ask(node, 'update', 'sys/capabilities-self', { paths }, token);

  it('says what the decision would say', async () => {
    await writePolicy(node, 'app', `${reader}\npath "secret/data/no" { capabilities = ["deny"] }`);
    const token = await makeToken(node, { policies: ['app'] });
    const paths = ['secret/data/x', 'secret/data/no', 'sys/mounts', '/secret/data/x'];
    expect((await capabilities(paths, token)).data).toEqual({
      'secret/data/x': ['read'],
      'secret/data/no': ['deny'],
      'sys/mounts': ['deny'],
      '/secret/data/x': ['read'],
    });
    expect((await capabilities('secret/data/x', token)).data).toEqual({
      'secret/data/x': ['read'],
      capabilities: ['read'],
    });
    expect((await capabilities(['anything'])).data['capabilities']).toEqual(['root']);
  });

  it.each([[[]], [undefined], [['../x']], [['a//b']], [{}], [Array.from({ length: 1_001 }, () => 'x')]])(
    'refuses the paths %j',
    async (paths) => {
      expect((await capabilities(paths as JsonValue)).status).toBe(400);
    },
  );

  it('takes a path that is a name of every object', async () => {
    expect((await capabilities(['__proto__'])).data['capabilities']).toEqual(['root']);
  });
});

describe('a denial', () => {
  it('is found in the audit log by its request id, with the rule that decided', async () => {
    await writePolicy(node, 'app', `${reader}\npath "secret/data/no*" { capabilities = ["deny"] }`);
    const token = await makeToken(node, { policies: ['app'], meta: { team: 'blue' } });
    const lines = async (asked: Asked) => {
      const found = findRequest({ directory: place.auditDirectory, requestId: asked.requestId });
      return collect(found);
    };
    const denied = await ask(node, 'read', 'secret/data/nothing', {}, token);
    expect(outcome(denied)).toEqual([403, '1 error occurred:\n\t* permission denied\n\n']);
    const [request, response] = (await lines(denied)).map(({ content }) => content);
    expect(request).toMatchObject({
      type: 'request',
      path: 'secret/data/nothing',
      auth: { policies: ['app', 'default'], display_name: 'token' },
      decision: {
        kind: 'deny',
        reason: 'deny-rule',
        rule: { pattern: 'secret/data/no*', policies: ['app'] },
      },
    });
    expect(response).toMatchObject({ type: 'response', status: 403 });
    const noRule = await ask(node, 'read', 'sys/mounts', {}, token);
    expect((await lines(noRule))[0]?.content['decision']).toMatchObject({ kind: 'deny', reason: 'no-rule' });
    const unknown = await ask(node, 'read', 'sys/mounts', {}, 'unknown-token');
    expect(outcome(unknown)).toEqual([403, 'permission denied']);
    expect((await lines(unknown))[0]?.content).toMatchObject({
      auth: null,
      decision: { kind: 'deny', reason: 'unknown token' },
    });
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place, rootToken } from '../../../../test/fakes/client.ts';
import { endpoint } from '../../../core/endpoint.ts';
import type { AuthMethodType } from '../../../engine/engine.ts';
import { CofferError } from '../../../errors.ts';
import type { CofferNode } from '../../../main/node.ts';
import { openTestListener, type RawAnswer, requestBytes, type TestListener } from '../../listener.fixture.ts';
import { dssss } from './dssss.ts';

const account = '111122223333';

/** In place of AWS: a document is the name of its role, with a word before it that says what becomes of the login. */
const documents: AuthMethodType = {
  type: 'aws',
  summary: 'for tests',
  create: () => ({
    endpoints: [
      endpoint({
        pattern: 'login',
        help: 'Logs in.',
        fields: { role: { type: 'string', help: 'The role.' }, pkcs7: { type: 'string', help: 'Who.' } },
        operations: {
          update: {
            summary: 'Log in',
            login: true,
            handle: async ({ fields: { role, pkcs7 = '' } }) => {
              const [word, name = ''] = Buffer.from(pkcs7, 'base64').toString().split('.');
              if (word === 'away') throw new CofferError('unavailable', 'AWS cannot be asked');
              if (word !== 'signed' || role !== 'dssss')
                throw new CofferError('invalid_request', 'permission denied');
              const provenAs = `${account}:role/${name}`;
              const who = { alias: 'role', provenAs, displayName: 'aws', policies: [], metadata: {} };
              return { login: { ...who, renewable: false, ttl: 900 } };
            },
          },
        },
      }),
    ],
  }),
};

let place: Place;
let node: CofferNode;
let served: TestListener;

beforeEach(async () => {
  place = await makePlace({ authMethods: [documents] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/aws', { type: 'aws' });
  await ask(node, 'update', 'sys/mounts/roles', { type: 'role-secrets' });
  await ask(node, 'update', 'roles/config', { account, writers: '*account' });
  served = await listening(node);
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await place.remove();
});

function listening({ road }: CofferNode): Promise<TestListener> {
  return openTestListener({ dialect: dssss.open({}), handle: (request) => road.handle(request) });
}

function showing(document: string): string {
  return `Authentication: ${Buffer.from(document).toString('base64')}`;
}

function as(role: string): string {
  return showing(`signed.${role}`);
}

interface Told {
  readonly status: number;
  readonly body: string;
  readonly type: string | undefined;
  readonly token: string | undefined;
}

function told({ status, body, headers }: RawAnswer): Told {
  return { status, body, type: headers.get('content-type'), token: headers.get('reauthentication') };
}

async function send(line: string, headers: readonly string[], body?: string): Promise<Told> {
  return told(await served.ask(requestBytes(line, headers, body)));
}

async function status(line: string, headers: readonly string[], body?: string): Promise<number> {
  const answer = await send(line, headers, body);
  if (answer.status !== 200) expect([answer.body, answer.type]).toEqual(['', undefined]);
  return answer.status;
}

const hunter = '{"Secret":"hunter2","Roles":["ecsInstanceRole"]}';

describe('who is who', () => {
  it('a document gets a token, whatever becomes of the operation', async () => {
    const first = await send('GET /v1/auth', [as('ecsInstanceRole')]);
    expect(first).toEqual({
      status: 200,
      body: '',
      type: undefined,
      token: expect.stringMatching(/^[0-9a-f]+$/),
    });
    const failed = await send('GET /v1/secret/nothing', [as('ecsInstanceRole')]);
    expect([failed.status, failed.token === undefined, failed.token === first.token]).toEqual([
      400,
      false,
      false,
    ]);
    const broken = await send('PUT /v1/secret/new', [as('ecsInstanceRole')], 'no json');
    expect([broken.status, broken.token === undefined]).toEqual([400, false]);
    for (const method of ['POST', 'PUT', 'LIST', 'DELETE', 'OPTIONS'])
      expect((await send(`${method} /v1/auth`, [as('x')])).token).toBeDefined();
  });

  it('a token does in its place, and brings no other', async () => {
    const { token = '' } = await send('GET /v1/auth', [as('ecsInstanceRole')]);
    await send('PUT /v1/secret/password', [`reauthentication: ${token}`], hunter);
    const read = await send('GET /v1/secret/password', [`ReAuthentication: ${token.toUpperCase()}`]);
    expect(read).toMatchObject({ status: 200, body: '[\n     "hunter2"\n ]', token: undefined });
    expect(read.type).toBe('text/plain; charset=utf-8');
    expect(await status('GET /v1/auth', [`Reauthentication: ${token}`])).toBe(200);
  });

  it('threat 03: a document decides alone where both came, and nothing is believed of another form', async () => {
    const { token = '' } = await send('GET /v1/auth', [as('ecsInstanceRole')]);
    const both = [showing('forged.ecsInstanceRole'), `Reauthentication: ${token}`];
    expect(await status('GET /v1/auth', both)).toBe(400);
    const twice = [as('ecsInstanceRole'), as('dssssadmin')];
    expect(await status('GET /v1/auth', twice)).toBe(400);
    for (const wrong of [
      '',
      'zz',
      'abc',
      token.slice(2),
      `${token}00`,
      `${token}, ${token}`,
      'f'.repeat(9_000),
    ])
      expect(await status('GET /v1/auth', [`Reauthentication: ${wrong}`]), wrong.slice(0, 40)).toBe(400);
    expect(await status('GET /v1/auth', [])).toBe(400);
    // What is no header of the old API is none here.
    expect(await status('GET /v1/secret/password', [`X-Vault-Token: ${rootToken}`])).toBe(400);
  });

  it('a token is one of Coffer’s: of every node, for 15 minutes, and not after it was revoked', async () => {
    const { token = '' } = await send('GET /v1/auth', [as('ecsInstanceRole')]);
    const text = Buffer.from(token, 'hex').toString();
    expect(text).toMatch(/^hvs\./);
    await using second = await listening(await place.node());
    const there = requestBytes('GET /v1/auth', [`Reauthentication: ${token}`]);
    expect((await second.ask(there)).status).toBe(200);
    expect((await ask(node, 'update', 'auth/token/revoke', { token: text })).status).toBe(204);
    expect((await second.ask(there)).status).toBe(400);
    const { token: later = '' } = await send('GET /v1/auth', [as('ecsInstanceRole')]);
    place.clock.advance(901_000);
    expect(await status('GET /v1/auth', [`Reauthentication: ${later}`])).toBe(400);
  });
});

describe('secrets', () => {
  beforeEach(async () => {
    expect(await status('PUT /v1/secret/password', [as('ecsInstanceRole')], hunter)).toBe(200);
  });

  it('are for whom they list, and a role’s name is never magic', async () => {
    expect(await status('GET /v1/secret/password', [as('ecsInstanceRole')])).toBe(200);
    for (const role of ['DistinguishedRoles', 'distinguishedroles', 'dssssadmin', 'ECSINSTANCEROLE', 'other'])
      expect(await status('GET /v1/secret/password', [as(role)]), role).toBe(400);
  });

  it('are not told from ones that are not there, but to who administers', async () => {
    expect(await status('GET /v1/secret/nothing', [as('other')])).toBe(400);
    expect(await status('GET /v1/secret/nothing', [as('dssssadmin')])).toBe(500);
  });

  it('are written once: a name that is taken, or was, is 500 to who may create names', async () => {
    const mine = '{"secret":"mine","ROLES":["other"],"Else":1}';
    for (const role of ['other', 'ecsInstanceRole', 'dssssadmin'])
      expect(await status('PUT /v1/secret/password', [as(role)], mine), role).toBe(500);
    expect(await status('DELETE /v1/secret/password', [as('other')])).toBe(400);
    expect(await status('DELETE /v1/secret/password', [as('dssssadmin')])).toBe(200);
    expect(await status('DELETE /v1/secret/password', [as('dssssadmin')])).toBe(500);
    expect(await status('GET /v1/secret/password', [as('ecsInstanceRole')])).toBe(400);
    expect(await status('PUT /v1/secret/password', [as('other')], mine)).toBe(500);
    expect(await status('PUT /v1/secret/password', [as('dssssadmin')], mine)).toBe(200);
    expect((await send('GET /v1/secret/password', [as('other')])).body).toBe('[\n     "mine"\n ]');
    await ask(node, 'update', 'roles/config', { writers: 'ecsInstanceRole' });
    expect(await status('PUT /v1/secret/password', [as('other')], mine)).toBe(400);
    expect(await status('PUT /v1/secret/new', [as('other')], mine)).toBe(400);
  });

  it('may be empty, of anything, and for nobody', async () => {
    const put = (name: string, body: string) => status(`PUT /v1/secret/${name}`, [as('other')], body);
    expect([await put('none', '{}'), await put('nulls', '{"Secret":null,"Roles":null}')]).toEqual([200, 200]);
    expect(await put('blank', '{"Roles":["other"]}')).toBe(200);
    expect((await send('GET /v1/secret/blank', [as('other')])).body).toBe('[\n     ""\n ]');
    expect(await status('GET /v1/secret/none', [as('other')])).toBe(400);
    const odd = 'p\u00e4ssw\u00f6rd <&> \u2713\n';
    expect(await put('odd', JSON.stringify({ Secret: odd, Roles: ['other'] }))).toBe(200);
    const { body } = await send('GET /v1/secret/odd', [as('other')]);
    expect(body).toBe('[\n     "p\u00e4ssw\u00f6rd \\u003c\\u0026\\u003e \u2713\\n"\n ]');
  });

  it('of several fields, written elsewhere, are their JSON', async () => {
    const fields = { data: { user: 'app', password: 'x' }, roles: ['other'] };
    await ask(node, 'update', 'roles/data/map', fields);
    await ask(node, 'update', 'roles/data/number', { data: { value: 7 }, roles: ['other'] });
    await ask(node, 'update', 'roles/data/bytes', {
      value: 'data:application/octet-stream;base64,/w==',
      roles: ['other'],
    });
    const marked = 'data:application/octet-stream;base64,AAAA';
    await send('PUT /v1/secret/marked', [as('other')], JSON.stringify({ Secret: marked, Roles: ['other'] }));
    const read = async (name: string) =>
      JSON.parse((await send(`GET /v1/secret/${name}`, [as('other')])).body) as unknown;
    expect(await read('map')).toEqual(['{"user":"app","password":"x"}']);
    expect(await read('number')).toEqual(['7']);
    expect(await read('bytes')).toEqual(['data:application/octet-stream;base64,/w==']);
    expect(await read('marked')).toEqual([marked]);
  });

  it('threat 15: of a body that is none, or too much, nothing is written', async () => {
    const bodies = [
      '',
      'null',
      '[]',
      '"x"',
      '{"Secret":1}',
      '{"Roles":"a"}',
      '{"Roles":[1]}',
      '{"Secret":"a"} x',
    ];
    const deep = `{"a":${'['.repeat(200)}${']'.repeat(200)}}`;
    const lone = '{"Secret":"\\ud800","Roles":["other"]}';
    const long = JSON.stringify({ Secret: 'x'.repeat(200_000), Roles: [] });
    for (const body of [...bodies, deep, lone, long, '{"Secret":"a","Roles":["no such/name"]}']) {
      expect(await status('PUT /v1/secret/new', [as('other')], body), body.slice(0, 40)).toBe(400);
    }
    expect(await status('PUT /v1/secret/new', [as('other')], '{"Secret":"a"}')).toBe(200);
  });
});

describe('lists', () => {
  it('are of names with a prefix, which the caller may read', async () => {
    for (const name of ['hunter', 'hunter2', 'hunted', 'huntes', 'hunte', 'Hunter', 'b'])
      await send(`PUT /v1/secret/${name}`, [as('one')], '{"Secret":"x","Roles":["one"]}');
    await send('PUT /v1/secret/hunterOther', [as('one')], '{"Secret":"x","Roles":["other"]}');
    for (const name of ['hunter/below', 'hunter-3', 'hunter3'])
      await ask(node, 'update', `roles/data/${name}`, { value: 'x', roles: ['one'] });
    const list = async (prefix: string, role = 'one') =>
      (await send(`LIST /v1/secret/${prefix}`, [as(role)])).body;
    expect(await list('hunter')).toBe('[\n     "hunter",\n     "hunter2",\n     "hunter3"\n ]');
    expect(await list('hunter', 'other')).toBe('[\n     "hunterOther"\n ]');
    expect([await list('hunter9'), await list('a'), await list('0'), await list('hunter', 'nobody')]).toEqual(
      Array.from({ length: 4 }, () => 'null'),
    );
    expect(JSON.parse(await list('hunter', 'dssssadmin'))).toHaveLength(4);
    expect(await list('b')).toBe('[\n     "b"\n ]');
  });

  it('cost what they show: pages begin at the prefix and end behind it', async () => {
    const many = Array.from({ length: 300 }, (_, index) => `many${1_000 + index}`);
    for (let at = 0; at < many.length; at += 50) {
      const some = many.slice(at, at + 50);
      await Promise.all(
        some.map((name) => ask(node, 'update', `roles/data/${name}`, { value: 'x', roles: ['one'] })),
      );
    }
    const lists = () => served.requests.filter(({ operation }) => operation === 'list').length;
    const { body } = await send('LIST /v1/secret/many', [as('one')]);
    expect([JSON.parse(body), lists()]).toEqual([many, 2]);
    expect(JSON.parse((await send('LIST /v1/secret/many12', [as('one')])).body)).toHaveLength(100);
    expect(lists()).toBe(3);
  });
});

describe('the rest', () => {
  it('threat 12: other names and paths are not there, in the words of the old router', async () => {
    const paths = ['', 'a/', 'a/b', '..', '../sys/mounts', '%61', 'a%2fb', 'a-b', 'a.b', '%2e%2e', 'a%00'];
    for (const path of paths) {
      const answer = await send(`GET /v1/secret/${path}`, [as('one')]);
      expect(answer, path).toEqual({
        status: 404,
        body: '404 page not found\n',
        type: 'text/plain; charset=utf-8',
        token: undefined,
      });
    }
    for (const path of ['/v1/sys/health', '/v1/auth/token/lookup-self', '/v1/auth/', '/', '/v1/roles/data/a'])
      expect((await send(`GET ${path}`, [as('one')])).status, path).toBe(404);
    expect(served.requests).toEqual([]);
    expect((await send('GET /v1/auth?x=y', [as('one')])).status).toBe(200);
  });

  it('other methods are 400 before anybody is asked who it is', async () => {
    for (const method of ['POST', 'PATCH', 'HEAD', 'OPTIONS', 'SCAN', 'HELP', 'PROPFIND', 'NONSENSE'])
      expect(await status(`${method} /v1/secret/a`, [as('one')]), method).toBe(400);
    expect(served.requests).toEqual([]);
  });

  it('what the server has trouble with is 500', async () => {
    expect(await status('GET /v1/auth', [showing('away.one')])).toBe(500);
    const { token = '' } = await send('GET /v1/auth', [as('one')]);
    await node.state.drop();
    expect(await status('GET /v1/auth', [`Reauthentication: ${token}`])).toBe(500);
    expect(await status('GET /v1/secret/a', [`Reauthentication: ${token}`])).toBe(500);
  });

  it('a token that ended is 400 whatever is asked', async () => {
    const gone = `Reauthentication: ${Buffer.from('hvs.none').toString('hex')}`;
    for (const line of ['GET /v1/secret/a', 'PUT /v1/secret/a', 'DELETE /v1/secret/a', 'LIST /v1/secret/a'])
      expect(await status(line, [gone], line.startsWith('PUT') ? hunter : undefined), line).toBe(400);
  });

  it('is all in the audit log, without a value or a token', async () => {
    const { token = '' } = await send('PUT /v1/secret/a', [as('one')], '{"Secret":"hunter2","Roles":[]}');
    const lines = JSON.stringify(place.auditLines());
    expect(lines).toContain('roles/data/a');
    expect(lines).toContain('auth/aws/login');
    for (const secret of ['hunter2', token, Buffer.from(token, 'hex').toString()])
      expect(lines).not.toContain(secret);
  });

  it('options say where it is all to be had', () => {
    expect(() => dssss.open({ auth: 'team/aws', role: 'old', secrets: 'shop' })).not.toThrow();
    for (const wrong of [{ mount: 'x' }, { secrets: '/x' }, { auth: 'a b' }, { role: 'a?b' }])
      expect(() => dssss.open(wrong as Record<string, string>)).toThrow(CofferError);
  });
});

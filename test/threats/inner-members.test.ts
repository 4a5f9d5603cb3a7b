import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, endpoint } from '../../src/core/endpoint.ts';
import type { EngineType } from '../../src/engine/engine.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask, keysOf, makePlace, makeToken, type Place } from '../fakes/client.ts';
import { everyOperation } from '../fakes/every-endpoint.ts';

/** Remembers what it is handed. */
const calls: Call[] = [];
const nosy: EngineType = {
  type: 'nosy',
  summary: 'looks at everything',
  parseOptions: (options) => options,
  create: () => ({
    endpoints: [
      endpoint({
        pattern: ':path*',
        help: 'Looks at everything.',
        fields: {},
        openFields: true,
        operations: {
          update: {
            summary: 'Look',
            handle: async (call) => {
              calls.push(call);
              return { data: { seen: true } };
            },
          },
        },
      }),
    ],
  }),
};

let place: Place;
let node: CofferNode;

beforeAll(async () => {
  place = await makePlace({ engines: [nosy] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/nosy', { type: 'nosy' });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
});
afterAll(() => place.remove());

const auth = {
  clientToken: 'forged',
  client_token: 'forged',
  accessor: 'forged',
  policies: ['root'],
  leaseDuration: 1,
  renewable: true,
};

/** The members by which the core's own handlers make tokens, renew leases and act after the answer. */
const hidden = {
  issued: auth,
  auth,
  login: { displayName: 'forged', alias: 'forged', policies: ['root'], metadata: {}, renewable: true },
  lease: { ttl: 1, renewable: true, internal: {} },
  renewed: { id: 'forged', renewable: true, duration: 1 },
  afterwards: 'forged',
  undo: 'forged',
  status: 299,
  warnings: ['forged'],
  operation: 'create',
  caller: { policies: ['root'] },
  __proto__: { issued: auth },
};

describe('threat 28: what only the core may do', () => {
  it('is reached by no input of any endpoint', async () => {
    for (const { path, operation, mountType, spec } of everyOperation(node)) {
      if (mountType === 'system' || mountType === 'token') continue;
      for (const data of [hidden, { data: hidden }, { data: hidden, ...hidden }]) {
        const token = spec.login === true ? null : await makeToken(node, { policies: ['root'] });
        const answer = await ask(node, operation, path, data, token);
        expect([answer.auth, answer.lease], `${operation} ${path}`).toEqual([null, null]);
        expect(answer.status).not.toBe(299);
        expect(answer.warnings.join()).not.toBe('forged');
      }
    }
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, 'forged')).status).toBe(403);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('is not handed to an engine: no token, no rules, and nothing of the store but its own', async () => {
    calls.length = 0;
    const token = await makeToken(node, { policies: ['root'] });
    await ask(node, 'update', 'nosy/x', { token: 'sent', acl: 'sent', tokenText: 'sent' }, token);
    const [call] = calls;
    expect(call).toMatchObject({ asked: {}, clientCertificate: undefined });
    expect(Object.keys(call ?? {}).toSorted()).toEqual([
      'asked',
      'caller',
      'clientCertificate',
      'clock',
      'data',
      'fields',
      'operation',
      'params',
      'remoteAddress',
      'requestId',
      'signal',
      'view',
    ]);
    const { data: _sent, view, ...rest } = call ?? {};
    expect(JSON.stringify(rest)).not.toContain(token);
    const id = node.state.core?.tokens.idOf(token) ?? 'none';
    expect(JSON.stringify(rest)).not.toContain(id);
    expect(Object.keys(call?.caller ?? {}).toSorted()).toEqual([
      'accessor',
      'displayName',
      'entityId',
      'groups',
      'metadata',
      'policies',
      'principal',
    ]);
    for (const path of ['../', '../../core/', '/', 'core/', '', '..']) {
      expect((await view?.range(path, { limit: 10 }))?.items).toEqual([]);
    }
    for (const path of ['../core/epoch', '../../core/epoch', 'core/epoch']) {
      expect(await view?.read(path)).toBeUndefined();
    }
  });

  it('is not unlocked by how an operation is spelled', async () => {
    const powerless = await makeToken(node, { policies: ['none'], no_default_policy: true });
    for (const operation of ['help', 'header', 'scan', 'create', 'patch'] as const) {
      for (const path of ['auth/token/create', 'sys/seal', 'nosy/x']) {
        const answer = await ask(node, operation, path, {}, powerless);
        expect(answer.auth).toBeNull();
        if (operation !== 'help') expect(answer.status).toBe(403);
      }
    }
    expect((await ask(node, 'read', 'sys/mounts')).status).toBe(200);
  });
});

import { describe, expect, it } from 'vitest';
import { type Endpoint, type EndpointOperation, endpoint } from './endpoint.ts';
import { EndpointTable } from './endpoint-table.ts';

function declared(pattern: string, ...operations: EndpointOperation[]): Endpoint {
  const spec = { summary: '', handle: async () => undefined };
  return endpoint({
    pattern,
    help: '',
    fields: {},
    operations: Object.fromEntries(operations.map((name) => [name, spec])),
  });
}

const table = new EndpointTable([
  declared('', 'read'),
  declared('config', 'read', 'update'),
  declared('role/:name', 'read', 'update'),
  declared('role/:name/secret-id', 'update', 'list'),
  declared('role/special', 'delete'),
  declared('role', 'list'),
  declared('data/:path*', 'read', 'update'),
  declared('leases/renew', 'update'),
  declared('leases/renew/:lease*', 'update'),
  declared(':path*', 'read'),
]);

function match(path: string, operation: EndpointOperation | undefined = 'read') {
  const found = table.match(path, operation);
  return found === undefined ? undefined : [found.endpoint.pattern, { ...found.params }];
}

describe('a path below a mount', () => {
  it.each([
    ['', 'read', ['', {}]],
    ['config', 'read', ['config', {}]],
    ['role/app', 'read', ['role/:name', { name: 'app' }]],
    ['role/app/secret-id', 'update', ['role/:name/secret-id', { name: 'app' }]],
    ['role/app/secret-id/', 'list', ['role/:name/secret-id', { name: 'app' }]],
    ['role/', 'list', ['role', {}]],
    ['data/a/b', 'read', ['data/:path*', { path: 'a/b' }]],
    ['data/a/', 'read', ['data/:path*', { path: 'a/' }]],
    ['data', 'read', ['data/:path*', { path: '' }]],
    ['data/', 'read', ['data/:path*', { path: '' }]],
    ['leases/renew', 'update', ['leases/renew', {}]],
    ['leases/renew/a/b', 'update', ['leases/renew/:lease*', { lease: 'a/b' }]],
    ['else/where', 'read', [':path*', { path: 'else/where' }]],
  ] as const)('%j to %s finds its endpoint', (path, operation, found) => {
    expect(match(path, operation)).toEqual(found);
  });

  it('prefers the endpoint that has the operation, and a literal before a capture', () => {
    expect(match('role/special', 'delete')).toEqual(['role/special', {}]);
    expect(match('role/special', 'read')).toEqual(['role/:name', { name: 'special' }]);
    expect(match('role/special', 'patch')).toEqual(['role/special', {}]);
  });

  it('finds the endpoint for help too', () => {
    expect(table.match('config', undefined)?.endpoint.pattern).toBe('config');
  });

  it('that no pattern has is not found', () => {
    const small = new EndpointTable([declared('a/:b', 'read')]);
    for (const path of ['', 'a', 'a/', 'b/c', 'a/b/c']) expect(small.match(path, 'read')).toBeUndefined();
    expect(small.match('a/b/', 'read')?.params['b']).toBe('b');
  });

  it('may hold a name of every object', () => {
    expect(match('role/__proto__')).toEqual(['role/:name', { name: '__proto__' }]);
    expect(match('__proto__/x')).toEqual([':path*', { path: '__proto__/x' }]);
  });
});

import { expect, test } from 'vitest';
import { openClient } from '../client/client.ts';
import { startWire } from '../client/wire.fixture.ts';
import { parseSafe, Safe } from './safe.ts';

test.each([
  ['https://host:8200/secret', 'https://host:8200', 'secret'],
  ['https://host/team/kv/', 'https://host', 'team/kv'],
  ['http://[::1]:8200/my%20kv', 'http://[::1]:8200', 'my kv'],
  ['https://host:8200', 'https://host:8200', undefined],
  ['team/kv/', undefined, 'team/kv'],
])('%s', (text, address, mount) => {
  expect(parseSafe(text)).toEqual({ address, mount });
});

test.each([
  ['file:/tmp/x', '/tmp/x'],
  ['FILE:x y?z%20', 'x y?z%20'],
  ['file:~/s', '~/s'],
  ['file:///tmp/x', '/tmp/x'],
])('%s is a directory', (text, file) => {
  expect(parseSafe(text)).toEqual({ address: undefined, mount: undefined, file });
});

test('a table is taken whole; it is parsed where it is opened', () => {
  const table = 'credstash://table?region=eu-west-1';
  expect(parseSafe(table)).toEqual({ address: undefined, mount: undefined, table });
});

test.each([
  '',
  '/',
  'a//b',
  'a/../b',
  's3://x',
  'file:',
  'file://host/x',
  'file:\0',
  'https://user:pw@host/secret',
  'https://host/%ff',
  'https://host/x?y=1',
])('%j is refused', (text) => {
  expect(() => parseSafe(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(() => parseSafe(text)).not.toThrow(/pw@/);
});

test.each(['', 'a/'])('the name %j is refused', (name) => {
  const safe = new Safe(openClient({ address: 'http://127.0.0.1:1' }), 'secret');
  expect(() => safe.path('data', name)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test.each([
  [200, { data: { type: 'kv', options: { version: '2' } } }, undefined],
  [200, { data: { type: 'kv', options: { version: '1' } } }, 'unsupported_operation'],
  [200, { data: { type: 'generic', options: null } }, 'unsupported_operation'],
  [403, { errors: ['preflight capability check returned 403'] }, undefined],
  [404, { errors: [] }, undefined],
  [503, { errors: ['Vault is sealed'] }, 'sealed'],
])('a mount that answers %i %j', async (status, body, code) => {
  await using server = await startWire(() => ({ status, body }));
  using client = openClient({ address: server.address });
  const outcome = await new Safe(client, 'kv').requireVersioned('x').then(
    () => undefined,
    (error: { code: string }) => error.code,
  );
  expect(outcome).toBe(code);
  expect(server.seen[0]?.url).toBe('/v1/sys/internal/ui/mounts/kv/data/x');
});

import { expect, test } from 'vitest';
import { openClient } from '../client/client.ts';
import { startWire } from '../client/wire.fixture.ts';
import { mergePatch, patchSecret } from './patch-secret.ts';
import { Safe } from './safe.ts';

// The cases of RFC 7396, appendix A, whose patch is an object.
test.each([
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
])('%s with %s is %s', (target, patch, result) => {
  expect(JSON.stringify(mergePatch(JSON.parse(target), JSON.parse(patch)))).toBe(result);
});

test.each([405, 403])('a server that answers PATCH with %i gets a checked write', async (status) => {
  await using server = await startWire((seen) => {
    if (seen.method === 'PATCH') return { status, body: { errors: ['no'] } };
    if (seen.method === 'GET')
      return { body: { data: { data: { a: '1', b: '2' }, metadata: { version: 7 } } } };
    return { body: { data: { version: 8 } } };
  });
  using client = openClient({ address: server.address });
  const answer = await patchSecret(new Safe(client, 'secret'), 'x', { b: '3' }, undefined);
  expect(answer.body).toEqual({ data: { version: 8 } });
  expect(JSON.parse(server.seen.at(-1)?.body ?? '')).toEqual({
    data: { a: '1', b: '3' },
    options: { cas: 7 },
  });
  await patchSecret(new Safe(client, 'secret'), 'x', { b: '3' }, 2);
  expect(JSON.parse(server.seen.at(-1)?.body ?? '')).toMatchObject({ options: { cas: 2 } });
});

test('a server that knows PATCH is asked once', async () => {
  await using server = await startWire(() => ({ status: 404, body: { errors: [] } }));
  using client = openClient({ address: server.address });
  const outcome = patchSecret(new Safe(client, 'secret'), 'x', { b: '3' }, undefined);
  await expect(outcome).rejects.toMatchObject({ code: 'not_found' });
  expect(server.seen.map((seen) => seen.method)).toEqual(['PATCH']);
});

/** What a `get` from a table loads: of AWS's SDK nothing, where keys and region are said. The SDK costs more than both requests. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../fakes/faulty-aws.ts';
import { cleanUp, cli, freshPlace, type Place } from './server-process.ts';

let aws: FaultyAws;
let place: Place;
beforeAll(async () => {
  place = freshPlace();
  aws = await startFaultyAws();
  // It is opened up to its digest, which is wrong: both services have been asked then.
  const item = {
    name: 'a',
    version: '0000000000000000001',
    key: 'AAAA',
    contents: 'AAAA',
    hmac: '00',
    digest: 'SHA256',
  };
  const Items = [Object.fromEntries(Object.entries(item).map(([name, S]) => [name, { S }]))];
  const plaintext = Buffer.alloc(64).toString('base64');
  aws.fault = (action) => {
    const body = action === 'Decrypt' ? { Plaintext: plaintext, KeyId: 'arn' } : { Items, Count: 1 };
    return { kind: 'answer', body: JSON.stringify(body) };
  };
  writeFileSync(
    join(place.home, 'hooks.mjs'),
    `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) {
  const loaded = await next(url, context);
  appendFileSync(${JSON.stringify(join(place.home, 'loaded'))}, url + ' ' + (loaded.source?.length ?? 0) + '\\n');
  return loaded;
}`,
  );
  const register = `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`;
  writeFileSync(join(place.home, 'register.mjs'), register);
});
afterAll(async () => {
  await aws.close();
  await cleanUp();
});

async function loadedBy(more: Readonly<Record<string, string>>) {
  aws.calls.length = 0;
  writeFileSync(join(place.home, 'loaded'), '');
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'of-a-test',
    AWS_ENDPOINT_URL: aws.endpoint,
    NODE_OPTIONS: `--import=${join(place.home, 'register.mjs')}`,
    ...more,
  };
  const words = ['get', '--safe', 'credstash://credential-store?region=eu-central-1', 'a'];
  const { code } = await cli(place, words, { env });
  expect(code).not.toBe(0);
  expect(aws.calls).toEqual(['Query', 'Decrypt']);
  const lines = readFileSync(join(place.home, 'loaded'), 'utf8').trim().split('\n');
  const files = lines.filter((line) => line.startsWith('file:')).map((line) => line.split(' '));
  return {
    names: files.map(([url = '']) => url.replace(/^.*\//, '').replace(/-[A-Z0-9]+\.js$/, '')),
    bytes: files.reduce((sum, [, length]) => sum + Number(length), 0),
  };
}

it('loads the plain way, and little else', async () => {
  const { names, bytes } = await loadedBy({});
  expect(names).toContain('json-client');
  expect(names.filter((name) => /sdk|^dist-es/.test(name))).toEqual([]);
  // The program, its command, the table and the signer; the SDK's clients would be as much again.
  expect(bytes).toBeLessThan(260_000);
});

it('loads the clients where a setting is theirs to read', async () => {
  const { names } = await loadedBy({ AWS_USE_FIPS_ENDPOINT: 'false' });
  expect(names).toEqual(expect.arrayContaining(['dynamo-sdk', 'kms-sdk']));
  expect(names).not.toContain('json-client');
});

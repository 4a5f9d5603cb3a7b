/**
 * Reading all of a table with little memory: the program gets a heap that is far smaller than what it reads, from an AWS that makes
 * each item when it is asked for.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { cofferFormat } from '../../src/credstash/coffer-format.ts';
import { encodeVersion } from '../../src/credstash/version.ts';
import { systemRandom } from '../../src/crypto/random.ts';
import type { JsonObject } from '../../src/json.ts';
import { type FaultyAws, startFaultyAws } from '../fakes/faulty-aws.ts';
import { cleanUp, freshPlace, type Outcome, program, runProgram } from './server-process.ts';

const items = 20_000;
const valueBytes = 2_048;
/** MiB; the values alone are 40, and as objects of the heap more. */
const heap = 32;
const perPage = 2_000;
const dataKey = { plaintext: randomBytes(32), wrapped: Buffer.from('wrapped') };
const value = Buffer.alloc(valueBytes, 'secret ');

const place = freshPlace();
let aws: FaultyAws | undefined;
afterEach(async () => {
  await aws?.close();
  aws = undefined;
});
afterAll(cleanUp);

function nameOf(index: number): string {
  return `many/${String(index).padStart(6, '0')}`;
}

/** As DynamoDB writes it down. */
function whole(name: string): JsonObject {
  const place = { name, version: encodeVersion(1), created: 1, context: {}, epoch: 'one' } as const;
  const item = cofferFormat.seal(systemRandom, dataKey, { ...place, bytes: value, shape: 'bare' });
  const contents = Buffer.from(item['contents']?.B ?? []).toString('base64');
  return { ...head(name), key: { B: dataKey.wrapped.toString('base64') }, contents: { B: contents } };
}

function head(name: string): JsonObject {
  return {
    name: { S: name },
    version: { S: encodeVersion(1) },
    algorithm: { S: 'coffer-1' },
    created: { N: '1' },
    shape: { S: 'bare' },
    epoch: { S: 'one' },
  };
}

interface Asked {
  readonly ExclusiveStartKey?: { readonly name: { readonly S: string } };
  readonly RequestItems?: {
    readonly many: { readonly Keys: readonly { readonly name: { readonly S: string } }[] };
  };
}

function answer(action: string, { ExclusiveStartKey, RequestItems }: Asked): JsonObject {
  if (action === 'Decrypt') return { Plaintext: dataKey.plaintext.toString('base64'), KeyId: 'one' };
  if (action === 'BatchGetItem') {
    const names = RequestItems?.many.Keys.map(({ name }) => name.S) ?? [];
    return { Responses: { many: names.map(whole) }, UnprocessedKeys: {} };
  }
  const start = ExclusiveStartKey === undefined ? 0 : Number(ExclusiveStartKey.name.S.slice(5)) + 1;
  const page = Array.from({ length: Math.min(perPage, items - start) }, (_, index) => nameOf(start + index));
  const last = page.at(-1) ?? '';
  const more = start + page.length < items;
  return {
    Items: page.map(head),
    ...(more ? { LastEvaluatedKey: { name: { S: last }, version: { S: encodeVersion(1) } } } : {}),
  };
}

async function startAws(): Promise<Readonly<Record<string, string>>> {
  aws = await startFaultyAws();
  aws.fault = (action, body) => ({ kind: 'answer', body: JSON.stringify(answer(action, body as Asked)) });
  return {
    ...place.env,
    NODE_OPTIONS: `--max-old-space-size=${heap}`,
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'of-a-test',
    AWS_ENDPOINT_URL: aws.endpoint,
    COFFER_SAFE: 'credstash://many?region=eu-central-1',
  };
}

async function start(words: readonly string[]): Promise<Outcome> {
  return runProgram(process.execPath, [program, ...words], await startAws());
}

it('exports a table that is larger than the heap', async () => {
  const file = join(place.home, 'all.json');
  const { code, stderr } = await start(['export', '/', '--output', file]);
  expect(stderr).toContain(`${items} secrets written to`);
  expect(code).toBe(0);
  const text = readFileSync(file, 'utf8');
  expect(text.length).toBeGreaterThan(items * valueBytes);
  expect(text.slice(0, 40)).toBe('{\n  "many/000000": {\n    "value": "secre');
  expect(text.endsWith('\n  }\n}\n')).toBe(true);
});

it('stops reading where no environment could hold more', async () => {
  const { code, stderr } = await start(['exec', '/', '--upper', '--prefix', 'S_', '--', 'true']);
  expect(stderr).toContain('more than the 6 MiB that a system passes to a program');
  expect(code).toBe(2);
  const batches = aws?.calls.filter((call) => call === 'BatchGetItem').length ?? 0;
  expect(batches).toBeGreaterThan(0);
  expect(batches).toBeLessThan(40);
});

it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing of what %s cuts off', async (signal) => {
  const folder = mkdtempSync(join(place.home, 'cut-'));
  const env = await startAws();
  const child = spawn(process.execPath, [program, 'export', '/', '--output', join(folder, 'all.json')], {
    env,
    stdio: 'ignore',
  });
  try {
    if (aws === undefined) throw new Error('no AWS');
    const { fault } = aws;
    aws.fault = (action, body) => {
      const batches = aws?.calls.filter((call) => call === 'BatchGetItem').length ?? 0;
      if (batches < 3) return fault(action, body);
      expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.all\.json\.\d+\.new$/)]);
      child.kill(signal);
      return { kind: 'hang' };
    };
    const [, ended] = await once(child, 'exit');
    expect(ended).toBe(signal);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    child.kill('SIGKILL');
  }
});

/** Somebody who can write to the disk, and has no key: what was changed is refused, and the rest still served. */
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StorageKey } from '../../src/storage/storage.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';
import { keysOf, readRecord, tamper } from './store-digest.ts';
import { openWire } from './wire.ts';

afterAll(cleanUp);

const place = freshPlace();

/** A short value is read out of its pointer, a long one out of its version's own record. */
const paddings = { short: '', long: 'x'.repeat(2_000) } as const;

beforeAll(async () => {
  const server = await startServer(place, { words: ['--init'] });
  const wire = openWire(server.address, rootTokenOf(place));
  for (const name of ['a', 'b', 'c'])
    for (const [folder, padding] of Object.entries(paddings)) {
      const body = { data: { value: `of ${name}`, padding } };
      await wire.ask('PUT', `secret/data/${folder}/${name}`, { body });
    }
  wire.close();
  await server.stop();
});

function copy(name: string): string {
  const data = join(place.home, name);
  cpSync(place.data, data, { recursive: true });
  return data;
}

describe.each([
  ['short', /^mount\/.*\/meta\/short\//],
  ['long', /^mount\/.*\/version\//],
] as const)('threat 25: a store whose records were changed, of %s values', (folder, kind) => {
  /** What each secret is answered with, once the server has started over the changed store. */
  async function readAll(data: string): Promise<readonly (number | string)[]> {
    const server = await startServer(place, { words: ['--data', data] });
    const wire = openWire(server.address, rootTokenOf(place));
    const found: (number | string)[] = [];
    for (const name of ['a', 'b', 'c']) {
      const answer = await wire.ask('GET', `secret/data/${folder}/${name}`);
      found.push(answer.status === 200 ? answer.text.replace(/.*"value":"([^"]*)".*/s, '$1') : answer.status);
      if (answer.status !== 200) {
        expect(answer.headers['x-coffer-error']).toBe('integrity');
        const env = { COFFER_ADDR: server.address };
        expect(await cli(place, ['get', `${folder}/${name}`], { env })).toMatchObject({
          code: 7,
          stdout: '',
        });
      }
    }
    wire.close();
    await server.stop();
    return found;
  }

  /** Of the long ones only: the version of a short value holds nothing that is read. */
  const records = async (data: string): Promise<readonly StorageKey[]> => {
    const found = [];
    for (const key of (await keysOf(data)).filter((each) => kind.test(each))) {
      const isLong = (await readRecord(data, key)).length > paddings.long.length;
      if (isLong === (folder === 'long')) found.push(key);
    }
    return found;
  };

  it('refuses a record with a flipped bit, and serves the others', async () => {
    const data = copy(`flipped-${folder}`);
    const [first] = await records(data);
    if (first === undefined) throw new Error('there are no records');
    await tamper(data, first, (value) => {
      const last = value.length - 1;
      value[last] = (value[last] ?? 0) ^ 1;
      return value;
    });
    const found = await readAll(data);
    expect(found.filter((each) => each === 500)).toHaveLength(1);
    expect(found.filter((each) => String(each).startsWith('of '))).toHaveLength(2);
  });

  it('refuses two records that changed places', async () => {
    const data = copy(`swapped-${folder}`);
    const [first, second] = await records(data);
    if (first === undefined || second === undefined) throw new Error('there are no two records');
    const [one, two] = [await readRecord(data, first), await readRecord(data, second)];
    await tamper(data, first, () => two);
    await tamper(data, second, () => one);
    const found = await readAll(data);
    expect(found.filter((each) => each === 500)).toHaveLength(2);
  });
});

describe('an audit log that was changed', () => {
  function chainOf(data: string): string {
    const [chain = ''] = readdirSync(join(data, 'audit')).filter((name) => name !== 'reserve');
    return join(data, 'audit', chain);
  }

  const cases: readonly (readonly [string, (chain: string) => void])[] = [
    [
      'a changed word',
      (chain) => {
        const file = join(chain, '000001.jsonl');
        const text = readFileSync(file, 'utf8');
        writeFileSync(file, text.replace('secret/data/short/b', 'secret/data/x'));
      },
    ],
    [
      'a line taken out',
      (chain) => {
        const file = join(chain, '000001.jsonl');
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replace(/\n[^\n]*secret\/data\/short\/b[^\n]*\n/, '\n'),
        );
      },
    ],
    [
      'a tail cut off',
      (chain) => {
        const file = join(chain, '000001.jsonl');
        truncateSync(file, readFileSync(file).lastIndexOf('\n{', -2) + 1);
      },
    ],
    ['a line put behind', (chain) => appendFileSync(join(chain, '000001.jsonl'), '{"seq":99}\n')],
    ['all of it gone', (chain) => rmSync(chain, { recursive: true })],
  ];

  it.each(cases)('shows: %s', async (what, change) => {
    const data = copy(`audit ${what}`);
    expect(await cli(place, ['audit', 'verify', '--data', data])).toMatchObject({ code: 0 });
    change(chainOf(data));
    const verified = await cli(place, ['audit', 'verify', '--data', data]);
    expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 7 });
    expect(verified.stdout).toMatch(/^PROBLEM /m);
  });

  it('shows: the folder gone', async () => {
    const data = copy('audit no folder');
    rmSync(join(data, 'audit'), { recursive: true });
    expect(await cli(place, ['audit', 'verify', '--data', data])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('there is no audit log in'),
    });
  });
});

/** A table of 500 secrets of which KMS refuses one, and AWS that does not answer: moto behind a door that tests can hold. */
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { call, temporaryHome } from '../../src/cli/cli.fixture.ts';
import { openTable } from '../../src/credstash/open-table.ts';
import { parseTableAddress } from '../../src/credstash/table-address.ts';
import { credstash } from '../../src/engine/credstash/credstash.ts';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import { ask, makePlace } from '../fakes/client.ts';
import { type FaultyAws, startFaultyAws } from '../fakes/faulty-aws.ts';
import { makeKmsKey, testRegion } from '../fakes/moto-calls.ts';
import { type Moto, startMoto } from '../setup/moto.ts';

const count = 500;
const denied = 'bulk/s321';
/** Of the table that is imported: moto is slow, and an import asks it much. */
const few = 40;
const deniedOfFew = 'bulk/s21';

let moto: Moto | undefined;
let door: FaultyAws;
let env: Record<string, string>;
const address = (table: string) => `credstash://${table}?region=${testRegion}&key=alias/k&format=coffer`;

beforeAll(async () => {
  moto = await startMoto();
  if (moto === undefined) return;
  await makeKmsKey(moto, 'k');
  door = await startFaultyAws(moto.endpoint);
  const home = temporaryHome();
  env = { ...moto.env, HOME: home, XDG_CONFIG_HOME: home, PATH: process.env['PATH'] ?? '' };
  for (const table of ['secrets', 'few', 'goal'])
    expect((await coffer(['table', 'setup', '--safe', address(table)])).code).toBe(0);
  await fill('secrets', count);
  await fill('few', few);
}, 300_000);
afterAll(async () => {
  await door?.close();
  await moto?.close();
});

async function fill(name: string, most: number): Promise<void> {
  using table = openTable(parseTableAddress(address(name)), [], { env, now: Date.now }).table;
  const names = Array.from({ length: most }, (_, index) => `bulk/s${index}`).values();
  const write = async () => {
    // The first version, without looking for one before: a query is most of what a write costs moto.
    for (const each of names)
      await table.writeVersion({ name: each, bytes: Buffer.from(`value of ${each}`), shape: 'bare' }, 1);
  };
  await Promise.all(Array.from({ length: 16 }, write));
}

beforeEach((context) => {
  if (moto === undefined) return context.skip('moto is missing');
  door.fault = () => undefined;
});

const coffer = (words: readonly string[]) => call(words, { env });
const through = (table = 'secrets') => `${address(table)}&kms_endpoint=${encodeURIComponent(door.endpoint)}`;

function deny(name: string): void {
  door.fault = (action, { EncryptionContext: context }) =>
    action === 'Decrypt' && isJsonObject(context) && context['coffer:name'] === name
      ? { kind: 'error', status: 400, type: 'AccessDeniedException' }
      : undefined;
}

describe('one of 500 secrets that KMS refuses', { timeout: 120_000 }, () => {
  it('threat 26: is named and nothing is given, or with --partial all others, in a file for its owner', async () => {
    deny(denied);
    const file = join(temporaryHome(), 'all.json');
    const words = ['export', 'bulk/', '--as', 'json', '--output', file, '--safe', through()];
    const whole = await coffer(words);
    expect(whole).toMatchObject({ code: 4, stdout: '' });
    expect(whole.stderr).toContain(denied);
    expect(() => statSync(file)).toThrow();
    const part = await coffer([...words, '--partial']);
    expect(part.code).toBe(4);
    expect(part.stderr).toContain(`${denied} is left out`);
    const given = JSON.parse(readFileSync(file, 'utf8')) as JsonObject;
    expect(Object.keys(given)).toHaveLength(count - 1);
    expect(given['s499']).toEqual({ value: 'value of bulk/s499' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('does not keep the others from being imported, and follows once it opens', async () => {
    deny(deniedOfFew);
    const words = ['import', through('few'), '/', '--yes', '--safe', address('goal')];
    const first = await coffer(words);
    expect(first).toMatchObject({ code: 4, stdout: '' });
    expect(first.stderr).toContain(`one secret was not stored, all others were (${few - 1} now, 0 before)`);
    expect(first.stderr).toContain(deniedOfFew);
    expect(await coffer(['get', deniedOfFew, '--safe', address('goal')])).toMatchObject({ code: 3 });
    door.fault = () => undefined;
    expect(await coffer(words)).toMatchObject({
      code: 0,
      stderr: `1 stored, ${few - 1} unchanged; all were read back\n`,
    });
    expect(await coffer(['get', deniedOfFew, '--safe', address('goal')])).toMatchObject({
      stdout: `value of ${deniedOfFew}`,
    });
  });

  it('is denied by the server, which gives the others', async () => {
    deny(denied);
    const type = credstash({ env, endpoints: [door.endpoint], profiles: [] });
    const place = await makePlace({ engines: [type] });
    try {
      const node = await place.node();
      await ask(node, 'update', 'sys/mounts/shared', { type: 'credstash' });
      const config = { table: 'secrets', key: 'alias/k', region: testRegion, kms_endpoint: door.endpoint };
      expect(await ask(node, 'update', 'shared/config', config)).toMatchObject({ status: 204 });
      expect((await ask(node, 'list', 'shared/metadata/bulk/')).data['keys']).toHaveLength(count);
      expect(await ask(node, 'read', `shared/data/${denied}`)).toMatchObject({ status: 403 });
      expect(await ask(node, 'read', 'shared/data/bulk/s322')).toMatchObject({ status: 200 });
    } finally {
      await place.remove();
    }
  });
});

describe('an import that stops', () => {
  it('says how far it went, and goes on from there', async () => {
    let left = 20;
    door.fault = (action) =>
      action === 'Decrypt' && left-- <= 0
        ? { kind: 'error', status: 400, type: 'KMSInvalidStateException' }
        : undefined;
    const goal = `${address('goal')}&context=again=1`;
    const stopped = await coffer(['import', through('few'), 'again/', '--yes', '--safe', goal]);
    expect(stopped.code).toBe(9);
    expect(stopped.stderr).toContain('the same command goes on with the others');
    expect((await coffer(['import', through('few'), 'again/', '--as', 'json'])).code).toBe(2);
    expect((await coffer(['import', through('few'), 'again', '--yes'])).code).toBe(2);
    expect((await coffer(['import', through('few'), '/', '--yes', '--safe', through('few')])).code).toBe(2);
  }, 120_000);
});

describe('AWS that does not answer', () => {
  it('ends a request that waits for a role, too', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const sts = { ...env, AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}` };
    const type = credstash({ env: sts, endpoints: [], profiles: [], deadline: 400 });
    const place = await makePlace({ engines: [type] });
    try {
      const node = await place.node();
      await ask(node, 'update', 'sys/mounts/shared', { type: 'credstash' });
      const role = { role_arn: 'arn:aws:iam::111122223333:role/reader', external_id: 'of-a-test' };
      const config = { table: 'secrets', region: testRegion, ...role };
      expect(await ask(node, 'update', 'shared/config', config)).toMatchObject({ status: 503 });
    } finally {
      silent.closeAllConnections();
      silent.close();
      await place.remove();
    }
  }, 60_000);

  it('ends a request by its deadline and holds up no other', async () => {
    const type = credstash({ env, endpoints: [door.endpoint], profiles: [], deadline: 400 });
    const place = await makePlace({ engines: [type] });
    try {
      const node = await place.node();
      await ask(node, 'update', 'sys/mounts/shared', { type: 'credstash' });
      const config = { table: 'secrets', key: 'alias/k', region: testRegion, endpoint: door.endpoint };
      expect(await ask(node, 'update', 'shared/config', { ...config, verify: false })).toMatchObject({
        status: 204,
      });
      door.fault = () => ({ kind: 'hang' });
      let answered = false;
      const hanging = ask(node, 'read', 'shared/data/bulk/s1').finally(() => {
        answered = true;
      });
      await ask(node, 'update', 'secret/data/other', { data: { a: 1 } });
      expect(await ask(node, 'read', 'secret/data/other')).toMatchObject({ status: 200 });
      expect(answered).toBe(false);
      expect(await hanging).toMatchObject({ status: 503, data: {} });
      door.fault = (action) =>
        action === 'Scan'
          ? { kind: 'error', status: 400, type: 'ProvisionedThroughputExceededException' }
          : undefined;
      const list = await ask(node, 'list', 'shared/metadata/bulk/');
      expect([429, 503]).toContain(list.status);
      expect(list.data).toEqual({});
    } finally {
      await place.remove();
    }
  }, 60_000);
});

/**
 * Two servers on one store, of which one is killed again and again while credentials are rotated: the other goes on where it was, at every moment the
 * delivered credentials are good, and in the end every rotation is done and no old credential is.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, type ServerProcess, startServer } from './server-process.ts';

const applications = Array.from({ length: 12 }, (_, index) => `app-${index}`);
const rounds = 5;

const place = freshPlace();
const delivered = join(place.env['XDG_DATA_HOME'] ?? '', 'coffer-delivered');
let lasting: ServerProcess;
let mortal: ServerProcess;

beforeAll(async () => {
  lasting = await startServer(place, { words: ['--init'] });
  mortal = await startServer(place);
}, 60_000);
afterAll(cleanUp);

async function ask(method: string, path: string, body?: object): Promise<JsonObject> {
  const response = await fetch(`${lasting.address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': rootTokenOf(place) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as JsonObject);
}

interface Kind {
  readonly step: string;
  readonly generation: number;
}
interface Status {
  readonly password: Kind;
  readonly client: Kind;
  readonly requests_made: number;
  readonly requests_served: number;
}
const standing = async (id: string) =>
  (await ask('GET', `service-users/apps/${id}/status`))['data'] as unknown as Status;

type Credentials = Readonly<Record<string, string>>;
function credentialsOf(id: string): Credentials {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(delivered, id, `${name}.json`), 'utf8')) as Credentials;
  return { ...read('user'), ...read('client') };
}

/** As the application itself would use them. */
async function accepted(credentials: Credentials): Promise<boolean> {
  const basic = `${credentials['client_id']}:${credentials['client_secret']}`;
  const response = await fetch(`${lasting.address}/oauth2/access_token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'password',
      username: credentials['application_username'] ?? '',
      password: credentials['application_password'] ?? '',
    }),
  });
  return response.status === 200;
}

/** Until all that was asked for is done, and nothing is under way. */
async function untilDone(): Promise<void> {
  for (const id of applications) {
    for (let tries = 0; ; tries++) {
      const { password, client, ...requests } = await standing(id);
      const rests = [password, client].every(({ generation, step }) => generation > 0 && step === 'idle');
      if (rests && requests.requests_served === requests.requests_made) break;
      if (tries > 600) throw new Error(`${id} never came to rest: ${JSON.stringify({ password, client })}`);
      await pause(100);
    }
  }
}

it('threat 22: a rotation that loses its server at any moment is gone on with, and leaves nothing behind', async () => {
  await ask('POST', 'sys/mounts/service-users', { type: 'service-users' });
  await ask('POST', 'service-users/config', { overlap: '1s' });
  for (const id of applications) {
    await ask('POST', `service-users/apps/${id}`, { name: id });
    await ask('POST', `service-users/apps/${id}/delivery`, {
      targets: [`directory:${delivered}`],
      scopes: [],
    });
  }
  await untilDone();
  const former: Credentials[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const id of applications) {
      former.push(credentialsOf(id));
      await ask('POST', `service-users/apps/${id}/rotate`, {});
    }
    // Later by some milliseconds each round: whoever has the duty is in the middle of it, or has just ended, or is about to begin.
    await pause(350 + round * 217);
    await mortal.kill();
    for (const id of applications) {
      expect(existsSync(join(delivered, id, 'client.json'))).toBe(true);
      expect(await accepted(credentialsOf(id)), id).toBe(true);
    }
    // The one that lives may be the one without the duty: it takes over once the dead one's lock is known to be.
    mortal = await startServer(place);
    await untilDone();
  }
  for (const id of applications) expect(await accepted(credentialsOf(id)), id).toBe(true);
  const kept = new Set(applications.map((id) => credentialsOf(id)['application_password']));
  for (const old of former) {
    expect(kept.has(old['application_password'])).toBe(false);
    expect(await accepted(old)).toBe(false);
  }
}, 180_000);

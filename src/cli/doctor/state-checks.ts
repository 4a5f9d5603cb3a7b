/** What a server tells who has a token. Whatever this token may not see is left out with a word. */
import type { Client } from '../../client/client.ts';
import { asCofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { patience } from './server-checks.ts';

/** Seconds of life below which a token is worth a word. */
const shortLife = 3_600;
/** Seconds that something may be overdue: the duty comes by each second. */
const patientWithDue = 60;
/** Of the seals of a term, from which on somebody should look. */
const mostBudget = 0.8;

/** Never rejects. */
export async function checkState(client: Client, now: number): Promise<readonly Finding[]> {
  const token = await checkToken(client);
  if (token.some(({ level }) => level === 'fail')) return token;
  const rest = await Promise.all([checkSlots(client), checkBackups(client, now), checkWork(client)]);
  return [...token, ...rest.flat()];
}

async function checkToken(client: Client): Promise<readonly Finding[]> {
  const answer = await ask(client, 'GET', 'auth/token/lookup-self');
  if (answer.kind === 'failed') {
    return [fail('token', `the server does not take it: ${answer.reason}`, 'log in again: coffer login')];
  }
  if (answer.kind === 'denied') {
    return [fail('token', 'it is not valid (any more)', 'log in again: coffer login')];
  }
  const { ttl, policies } = answer.data;
  const names = Array.isArray(policies) ? policies.map(String) : [];
  return [tokenLife(ttl), tokenRights(names)];
}

function tokenLife(ttl: unknown): Finding {
  if (typeof ttl !== 'number' || ttl === 0) return ok('token', 'valid, without an end');
  if (ttl > shortLife) return ok('token', `valid for another ${Math.floor(ttl / 3_600)} hours`);
  return warn(
    'token',
    `valid for another ${Math.ceil(ttl / 60)} minutes`,
    'renew it (coffer token renew), or log in again',
  );
}

function tokenRights(policies: readonly string[]): Finding {
  if (policies.includes('root')) {
    return warn(
      'policies',
      'this is a root token: it may do everything',
      'make a policy and a login for daily work, and revoke the root token',
    );
  }
  return ok('policies', policies.length === 0 ? 'none' : policies.join(', '));
}

async function checkSlots(client: Client): Promise<readonly Finding[]> {
  const answer = await ask(client, 'LIST', 'sys/seal-slots');
  if (answer.kind !== 'data') return [unseen('key slots', 'sys/seal-slots', answer)];
  const { keys } = answer.data;
  const count = Array.isArray(keys) ? keys.length : 0;
  if (count > 1) return [ok('key slots', `${count} ways to open the store`)];
  return [
    warn(
      'key slots',
      'there is a single way to open the store: losing it loses everything',
      'add a second one, and keep it elsewhere: coffer operator slots add',
    ),
  ];
}

async function checkBackups(client: Client, now: number): Promise<readonly Finding[]> {
  const answer = await ask(client, 'GET', 'sys/backup/status');
  if (answer.kind !== 'data') return [unseen('backups', 'sys/backup/status', answer)];
  const { scheduled, last, failures, every } = answer.data;
  if (scheduled !== true) {
    return [
      warn(
        'backups',
        'none are scheduled',
        'set backup.directory, or take one now and then: coffer operator backup',
      ),
    ];
  }
  if (typeof failures === 'number' && failures > 0) {
    return [
      fail('backups', `the last ${failures} attempts failed`, 'coffer api GET sys/backup/status says why'),
    ];
  }
  const time = isJsonObject(last)
    ? Date.parse(String(last['time']).replace(/(\.\d{3})\d*Z$/, '$1Z'))
    : Number.NaN;
  if (Number.isNaN(time)) {
    return [warn('backups', 'scheduled, and none has been made yet', 'look again after the first one')];
  }
  const age = Math.max(0, now - time) / 1_000;
  const hours = `${Math.floor(age / 3_600)} hours old`;
  if (typeof every === 'number' && age > 2 * every) {
    return [
      fail(
        'backups',
        `the last one is ${hours}`,
        'look into the server’s log for what keeps them from being made',
      ),
    ];
  }
  return [ok('backups', `the last one is ${hours}`)];
}

async function checkWork(client: Client): Promise<readonly Finding[]> {
  const answer = await ask(client, 'GET', 'sys/metrics');
  if (answer.kind !== 'data') return [unseen('work', 'sys/metrics', answer)];
  const value = gaugesOf(answer.data);
  if (value('coffer_sample_failed') === 1) {
    return [fail('store', 'its state cannot be read', 'look into the server’s log')];
  }
  return [overdue(value), givenUp(value), jobs(value), auditLog(value), budget(value)];
}

type Gauges = (name: string, labels?: string) => number | undefined;

/**
 * Values by name, and by the text of a single label's value where there is one. A server with workers has a value of each: the highest
 * counts, which is the worst for all that is asked here.
 */
function gaugesOf(metrics: JsonObject): Gauges {
  const values = new Map<string, number>();
  const gauges = metrics['Gauges'];
  for (const gauge of Array.isArray(gauges) ? gauges : []) {
    if (!isJsonObject(gauge)) continue;
    const { Name: name, Value: value, Labels: labels } = gauge;
    const named = isJsonObject(labels) ? Object.entries(labels).filter(([label]) => label !== 'worker') : [];
    const key = `${String(name)} ${named.map(([, each]) => String(each)).join()}`;
    if (typeof value === 'number') values.set(key, Math.max(value, values.get(key) ?? value));
  }
  return (name, label = '') => values.get(`${name} ${label}`);
}

function overdue(value: Gauges): Finding {
  const count = value('coffer_due_overdue') ?? 0;
  const oldest = value('coffer_due_oldest_seconds') ?? 0;
  if (oldest <= patientWithDue) return ok('leases', 'whatever is due ends in time');
  return warn(
    'leases',
    `${count} entries are overdue, the oldest by ${Math.floor(oldest / 60)} minutes`,
    'look into the server’s log for ends that fail; many at once take a while',
  );
}

function givenUp(value: Gauges): Finding {
  const count = value('coffer_leases_given_up') ?? 0;
  if (count === 0) return ok('given-up leases', 'none');
  return fail(
    'given-up leases',
    `${count} could not be ended: their credentials may still work`,
    'coffer lease stuck lists them: put the cause right, and revoke them',
  );
}

function jobs(value: Gauges): Finding {
  const failed = value('coffer_jobs', 'failed') ?? 0;
  const running = value('coffer_jobs', 'running') ?? 0;
  if (failed === 0) return ok('jobs', running === 0 ? 'none under way' : `${running} under way`);
  return warn('jobs', `${failed} failed in the last days`, 'coffer api LIST sys/jobs says why');
}

function auditLog(value: Gauges): Finding {
  // The worst first: one worker's log may fail while the others' do not.
  const state = ['failed', 'closed', 'full', 'open'].find((name) => value('coffer_audit_state', name) === 1);
  if (state === undefined) return warn('audit log', 'the server keeps none', 'use --data instead of --dev');
  if (state === 'full') {
    return fail('audit log', 'its disk is full: only revoking and deleting go on', 'make room on that disk');
  }
  if (state !== 'open') {
    return fail(
      'audit log',
      'it cannot be written, so requests are refused',
      'look at its disk and the server’s log',
    );
  }
  const behind = value('coffer_audit_behind_seconds') ?? 0;
  if (behind <= 5) return ok('audit log', 'written, and on disk in time');
  return warn('audit log', `on disk only ${Math.floor(behind)} seconds late`, 'its disk is slow or failing');
}

function budget(value: Gauges): Finding {
  const seals = value('coffer_barrier_seals') ?? 0;
  const limit = value('coffer_barrier_seals_limit') ?? 1;
  const share = `${((100 * seals) / limit).toFixed(1)} % of a term’s seals are used`;
  if (seals / limit < mostBudget) return ok('keyring', share);
  return warn('keyring', share, 'rotate the keyring: coffer operator rotate');
}

type Asked =
  | { readonly kind: 'data'; readonly data: JsonObject }
  | { readonly kind: 'denied' }
  | { readonly kind: 'failed'; readonly reason: string };

async function ask(client: Client, method: 'GET' | 'LIST', path: string): Promise<Asked> {
  try {
    const { body } = await client.request(method, path, { signal: AbortSignal.timeout(patience) });
    const whole = isJsonObject(body) ? body : {};
    const { data } = whole;
    return { kind: 'data', data: isJsonObject(data) ? data : whole };
  } catch (error) {
    const { code, message } = asCofferError(error);
    return code === 'permission_denied' ? { kind: 'denied' } : { kind: 'failed', reason: message };
  }
}

function unseen(check: string, path: string, answer: Exclude<Asked, { kind: 'data' }>): Finding {
  if (answer.kind === 'denied') return ok(check, `not looked at: this token may not read ${path}`);
  return warn(check, `${path}: ${answer.reason}`, 'look into the server’s log');
}

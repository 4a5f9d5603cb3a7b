// Logins by one-time codes beside AppRole's: by one code, and by two of two persons. A code is good once, so each login is of an
// account of its own; so AppRole's are of one role, which everything of is cached, and of a role each, as the accounts are. `--quick` for
// a short look.
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeStore, serve } from './places.mjs';
import { cpuSeconds, median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 15;
/** Logins of a kind in a round. */
const logins = quick ? 800 : 1_500;
const connections = 32;
/** Seconds that a code of the bench's devices lives: the longest that there is. */
const period = 300;
const directory = mkdtempSync(join(tmpdir(), 'coffer-totp-'));
const agent = new Agent({ keepAlive: true, maxSockets: connections });

function post(url, body, token) {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { 'X-Vault-Token': token };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => {
        if (answer.statusCode < 300) resolve(text === '' ? {} : JSON.parse(text));
        else reject(new Error(`${new URL(url).pathname}: ${answer.statusCode} ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.replace(/.{5}/g, (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)]);
}

/** RFC 6238 with SHA1 and six digits. @param off steps before or after now */
function codeOf(key, off = 0) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1_000 / period) + off));
  const mac = createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

async function makeAccount(address, token, account, fields = {}) {
  const key = randomBytes(20);
  const path = `${address}/v1/auth/totp/accounts/bench/${account}`;
  await post(path, { token_policies: ['reader'], token_ttl: '1h', ...fields }, token);
  const url = `otpauth://totp/bench:${account}?period=${period}&secret=${base32(key)}`;
  await post(`${path}/devices/phone`, { url }, token);
  return { account, key };
}

/** One after the other over as many connections. */
async function inTurn(works) {
  let next = 0;
  const worker = async () => {
    while (next < works.length) await works[next++]();
  };
  await Promise.all(Array.from({ length: connections }, worker));
}

async function prepare(address, token) {
  const at = `${address}/v1`;
  await post(`${at}/sys/auth/approle`, { type: 'approle' }, token);
  await post(
    `${at}/auth/approle/role/bench`,
    { role_id: 'bench', token_policies: ['reader'], token_ttl: '1h' },
    token,
  );
  const { secret_id } = (await post(`${at}/auth/approle/role/bench/secret-id`, {}, token)).data;
  await post(`${at}/sys/auth/totp`, { type: 'totp' }, token);
  const people = [];
  const all = rounds * logins;
  const names = Array.from({ length: all }, (_, index) => `person-${index}`);
  await inTurn(
    names.map((name, index) => async () => {
      const witness = await makeAccount(address, token, `witness-${index}`);
      const pair = { second: 'person', authorizers: [witness.account] };
      people.push({ witness, one: await makeAccount(address, token, name, pair) });
    }),
  );
  const roles = [];
  await inTurn(
    Array.from({ length: (rounds * logins) / 2 }, (_, index) => async () => {
      const path = `${at}/auth/approle/role/bench-${index}`;
      const role_id = `bench-${index}`;
      await post(path, { role_id, token_policies: ['reader'], token_ttl: '1h' }, token);
      const made = await post(`${path}/secret-id`, {}, token);
      roles[index] = { role_id, secret_id: made.data.secret_id };
    }),
  );
  return { secret_id, people, roles };
}

const place = await makeStore(directory);
const { server, address } = await serve({ env: place.env });
try {
  const { secret_id, people, roles } = await prepare(address, place.token);
  const single = ({ account, key }, off, more = {}) => ({
    issuer: 'bench',
    account,
    code: codeOf(key, off),
    ...more,
  });
  const kinds = [
    { name: 'approle, a role each', path: 'approle', body: (index) => roles[index] },
    { name: 'approle, one role', path: 'approle', body: () => ({ role_id: 'bench', secret_id }) },
    {
      name: 'totp, two persons',
      path: 'totp',
      body: (index, off = 0) => {
        const { one, witness } = people[index];
        const second = { second_account: witness.account, second_code: codeOf(witness.key, off) };
        return single(one, off, second);
      },
    },
    {
      name: 'totp',
      path: 'totp',
      least: 0.8,
      body: (index, off = 0) => single(people[index].witness, off),
    },
  ];
  /** Each half of a round's people is there for one of the two kinds: a witness's code is good once. */
  const peopleOf = ({ least, path }, round) => {
    if (path === 'approle') return Array.from({ length: logins / 2 }, (_, at) => (round * logins) / 2 + at);
    const from = round * logins + (least === undefined ? 0 : logins / 2);
    return Array.from({ length: logins / 2 }, (_, at) => from + at);
  };
  const send = ({ path }, bodies) =>
    inTurn(bodies.map((each) => () => post(`${address}/v1/auth/${path}/login`, each)));
  const run = async (kind, round) => {
    const bodies = peopleOf(kind, round).map((index) => kind.body(index));
    const before = cpuSeconds(server.pid);
    await send(kind, bodies);
    return bodies.length / (cpuSeconds(server.pid) - before);
  };
  // A first login makes an entity and learns an address, which AppRole's one role did long ago: with the code of the step before.
  for (let round = 0; round < rounds; round++) {
    await send(
      kinds[0],
      peopleOf(kinds[0], round).map((index) => kinds[0].body(index)),
    );
    for (const kind of kinds.filter(({ path }) => path === 'totp')) {
      await send(
        kind,
        peopleOf(kind, round).map((index) => kind.body(index, -1)),
      );
    }
  }
  const results = kinds.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, kind] of kinds.entries()) results[index].push(await run(kind, round));
  }
  console.log(`node ${process.version}; per CPU-second of the server, medians of ${rounds} rounds\n`);
  const [beside] = results;
  for (const [index, { name, least }] of kinds.entries()) {
    const ratios = results[index].map((one, round) => one / beside[round]).toSorted((a, b) => a - b);
    const budget = least === undefined ? '' : ` (>= ${least})`;
    console.log(
      `${name.padEnd(22)} ${String(Math.round(median(results[index]))).padStart(6)}/cpu-s  ${median(ratios).toFixed(2)} of AppRole's, a role each${budget}, ${ratios[0].toFixed(2)} to ${ratios.at(-1).toFixed(2)}`,
    );
  }
} finally {
  agent.destroy();
  await stop(server);
  rmSync(directory, { recursive: true, force: true });
}

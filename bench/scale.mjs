// What a large store costs beside a small one: start, memory, reads, listings, decisions, and reads while leases end. Filling a
// million secrets and a million leases takes some minutes; `--quick` fills a tenth, and says so.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fill, makeStore, serve } from './places.mjs';
import { load, median, rssAnonMiB, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const secrets = quick ? 100_000 : 1_000_000;
const leases = quick ? 100_000 : 1_000_000;
const dueLeases = quick ? 10_000 : 100_000;
const policies = quick ? 1_000 : 10_000;
const rounds = quick ? 5 : 15;
const root = mkdtempSync(join(tmpdir(), 'coffer-scale-'));

function row(name, value, ratio = '', budget = '') {
  console.log(`${name.padEnd(44)} ${value.padStart(16)} ${ratio.padStart(8)}  ${budget}`);
}

async function answer(url, token, init = {}) {
  const response = await fetch(url, { ...init, headers: { 'X-Vault-Token': token, ...init.headers } });
  const text = await response.text();
  if (response.status >= 300) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
  return text === '' ? undefined : JSON.parse(text);
}

async function place(name, wish) {
  const made = await makeStore(join(root, name));
  await fill(made, wish);
  return made;
}

/** Milliseconds from the start of the process to its first answer, and its memory after some reads. */
async function startOf(store, path) {
  const began = performance.now();
  const { server, address } = await serve(store);
  await answer(`${address}/v1/${path}`, store.token);
  const took = performance.now() - began;
  for (let read = 0; read < 200; read++) await answer(`${address}/v1/${path}`, store.token);
  await pause(1_500);
  const memory = rssAnonMiB(server.pid);
  await stop(server);
  return { took, memory };
}

async function starts(large, small) {
  const results = { large: [], small: [] };
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    results.large.push(await startOf(large, 'secret/data/many/7'));
    results.small.push(await startOf(small, 'secret/data/many/7'));
  }
  const of = (name, what) => median(results[name].map((one) => one[what]));
  const took = of('large', 'took');
  row('start to first answer', `${took.toFixed(0)} ms`, (took / of('small', 'took')).toFixed(2), '< 1000 ms');
  const more = of('large', 'memory') - of('small', 'memory');
  row(
    'RssAnon beside the small store’s',
    `${of('large', 'memory').toFixed(1)} MiB`,
    '',
    `${more.toFixed(1)} MiB more, <= 40`,
  );
}

/** wrk scripts lie beside the stores: they hold tokens. */
function script(name, text) {
  const path = join(root, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Median over rounds of the cost of one load over the cost of another, in CPU time a request. */
async function costRatio(one, other) {
  const ratios = [];
  const costs = [];
  for (let round = 0; round <= rounds; round++) {
    const first = await load(one.pid, one.url, { connections: 16, seconds: 1, script: one.script });
    const second = await load(other.pid, other.url, { connections: 16, seconds: 1, script: other.script });
    if (round === 0) continue;
    costs.push(1e6 / first.perCpuSecond);
    ratios.push(second.perCpuSecond / first.perCpuSecond);
  }
  return { ratio: median(ratios), cost: median(costs) };
}

function showRatio(name, { ratio, cost }, budget) {
  row(name, `${cost.toFixed(1)} µs cpu`, ratio.toFixed(2), budget);
}

const head = (token) => `wrk.headers["X-Vault-Token"] = "${token}"\n`;
const anyOf = (token, count, path) => `${head(token)}math.randomseed(7)
request = function() return wrk.format("GET", "${path}" .. math.random(0, ${count - 1})) end
`;

async function reads(large, small) {
  const [one, two] = [await serve(large), await serve(small)];
  const target = ({ server, address }, text, name) => ({
    pid: server.pid,
    url: `${address}/v1/sys/health`,
    script: script(name, text),
  });
  try {
    showRatio(
      'a read among all, beside one among ten',
      await costRatio(
        target(one, anyOf(large.token, secrets, '/v1/secret/data/many/'), 'many.lua'),
        target(two, anyOf(small.token, 10, '/v1/secret/data/many/'), 'few.lua'),
      ),
      '<= 1.3',
    );
    const page = (token) =>
      `${head(token)}request = function() return wrk.format("GET", "/v1/secret/metadata/many?list=true&limit=10") end\n`;
    showRatio(
      'a page of ten names, beside all of ten',
      await costRatio(
        target(one, page(large.token), 'page.lua'),
        target(two, page(small.token), 'pagefew.lua'),
      ),
      '~ 1',
    );
  } finally {
    await stop(one.server);
    await stop(two.server);
  }
}

async function decisions(large, small) {
  const many = Array.from({ length: 20 }, (_, index) => `policy-${index * 17}`);
  const names = { large: many, small: ['policy-0'] };
  const [one, two] = [await serve(large), await serve(small)];
  try {
    const targets = [];
    for (const [store, { server, address }, wanted, team] of [
      [large, one, names.large, 17 * 10],
      [small, two, names.small, 0],
    ]) {
      const made = await answer(`${address}/v1/auth/token/create`, store.token, {
        method: 'POST',
        body: JSON.stringify({ policies: wanted, no_default_policy: true }),
      });
      await answer(`${address}/v1/secret/data/team-${team}/app-25/db`, store.token, {
        method: 'POST',
        body: '{"data":{"a":"b"}}',
      });
      targets.push({
        pid: server.pid,
        url: `${address}/v1/secret/data/team-${team}/app-25/db`,
        script: script(`decide-${team}.lua`, head(made.auth.client_token)),
      });
    }
    showRatio(
      `a read by a token of 20 among ${policies} policies`,
      await costRatio(targets[0], targets[1]),
      '<= 2 (the whole read; the decision alone: decision.mjs)',
    );
  } finally {
    await stop(one.server);
    await stop(two.server);
  }
}

/** The 99th percentile of reads, in milliseconds, one at a time for some seconds on a few connections. */
async function readTail(address, token, until) {
  const took = [];
  const worker = async () => {
    while (!until()) {
      const began = performance.now();
      await answer(`${address}/v1/secret/data/many/3`, token);
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  const sorted = took.toSorted((a, b) => a - b);
  return { p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN, count: sorted.length };
}

async function endings() {
  // Long enough that nothing is due while the store is filled, short enough to wait for.
  const store = await makeStore(join(root, 'due'));
  await fill(store, { secrets: 10 });
  const ttl = quick ? 20 : 90;
  const filled = Date.now();
  await fill(store, { leases: dueLeases, leaseTtl: ttl });
  const { server, address } = await serve(store);
  try {
    const quietEnd = Math.min(filled + ttl * 1_000, Date.now() + 10_000);
    const quiet = await readTail(address, store.token, () => Date.now() >= quietEnd);
    while (Date.now() < filled + ttl * 1_000) await pause(100);
    const began = Date.now();
    const most = Date.now() + 600_000;
    let left = dueLeases;
    const watch = (async () => {
      while (left > 0 && Date.now() < most) {
        await pause(1_000);
        const list = await fetch(`${address}/v1/sys/leases/lookup/secret/creds/app?list=true&limit=1`, {
          headers: { 'X-Vault-Token': store.token },
        });
        left = list.status === 404 ? 0 : 1;
        await list.text();
      }
    })();
    const busy = await readTail(address, store.token, () => left === 0 || Date.now() >= most);
    await watch;
    const seconds = (Date.now() - began) / 1_000;
    row(
      'read p99 while leases end',
      `${busy.p99.toFixed(2)} ms`,
      (busy.p99 / quiet.p99).toFixed(2),
      `<= 3 (quiet ${quiet.p99.toFixed(2)} ms)`,
    );
    row(`${dueLeases} leases ended in`, `${seconds.toFixed(0)} s`, '', left === 0 ? '' : 'NOT ALL');
  } finally {
    await stop(server);
  }
}

try {
  console.log(
    `node ${process.version}; ${secrets} secrets, ${leases} leases, ${policies} policies of 50 rules\n`,
  );
  const small = await place('small', { secrets: 10, policies: 1 });
  const large = await place('large', { secrets, leases, policies });
  await starts(large, small);
  await reads(large, small);
  await decisions(large, small);
  await endings();
} finally {
  rmSync(root, { recursive: true, force: true });
}

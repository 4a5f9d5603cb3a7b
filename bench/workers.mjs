// Two workers beside one process: reads and writes of kv v2, rounds interleaved, each compared with its neighbour in time. Beside the writes,
// what the machine and LMDB give two bare processes that write to one store, which is as much as two workers could have.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childrenOf, freePort, load, median, rssAnonMiB, startNode, stop } from './processes.mjs';
import { startBare } from './throughput.mjs';

const quick = process.argv.includes('--quick');
const [rounds, seconds] = quick ? [5, 2] : [9, 2];
const connections = 64;
// Code is compiled anew in each process, as it is used: two share the requests, so they need as many each before they are as fast as they get.
const warmUp = 6;
const program = fileURLToPath(new URL('../bin/coffer.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'coffer-bench-'));

async function start(name, workers) {
  const home = join(root, name);
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    NO_COLOR: '1',
  };
  const address = `http://127.0.0.1:${await freePort()}`;
  const listen = ['--listen', address.slice('http://'.length)];
  const args = [
    '--max-semi-space-size=32',
    program,
    'server',
    '--init',
    '--workers',
    String(workers),
    ...listen,
  ];
  const child = await startNode(args, workers > 1 ? /workers serve/ : /Serving/, env);
  const config = join(home, 'config', 'coffer');
  const file = readdirSync(config).find((each) => each.endsWith('.root-token'));
  const token = readFileSync(join(config, file), 'utf8').trim();
  const secret = `${address}/v1/secret/data/app/database`;
  const headers = { 'X-Vault-Token': token };
  await fetch(secret, {
    method: 'POST',
    headers,
    body: '{"data":{"password":"correct horse battery staple"}}',
  });
  const script = (kind, text) => {
    const path = join(root, `${name}-${kind}.lua`);
    writeFileSync(path, `wrk.headers["X-Vault-Token"] = "${token}"\n${text}`, { mode: 0o600 });
    return path;
  };
  return {
    child,
    pids: [child.pid, ...childrenOf(child.pid)],
    read: { url: secret, script: script('read', '') },
    write: {
      url: `${address}/`,
      script: script(
        'write',
        `wrk.method = "POST"
wrk.body = '{"data":{"password":"correct horse battery staple"}}'
wrk.headers["Content-Type"] = "application/json"
local n = 0
request = function()
  n = (n + 1) % 10000
  return wrk.format(nil, "/v1/secret/data/bench/" .. n)
end
`,
      ),
    },
  };
}

function spread(ratios) {
  const sorted = ratios.toSorted((a, b) => a - b);
  const shown = (value) => value.toFixed(2);
  return `${shown(median(sorted))} (${shown(sorted[0])} to ${shown(sorted.at(-1))})`;
}

/** Bare servers that write to one store: a put and a line of a log, both flushed, for each request. */
async function startBares(name, count) {
  const directory = join(root, name);
  mkdirSync(directory);
  const script = join(root, `${name}.lua`);
  const body = `wrk.method = "POST"\nwrk.body = '{"data":{"password":"correct horse battery staple"}}'\n`;
  writeFileSync(script, body);
  const bares = [];
  for (let number = 0; number < count; number++) {
    bares.push({ ...(await startBare('./baseline-write.mjs', [directory, 'shared'])), script });
  }
  return bares;
}

/** As many connections in all, whoever answers them. */
async function loadAll(bares, seconds) {
  const each = connections / bares.length;
  const results = await Promise.all(
    bares.map(({ child, url, script }) => load(child.pid, url, { connections: each, seconds, script })),
  );
  const requests = results.reduce((sum, result) => sum + result.requests, 0);
  const spent = results.reduce((sum, result) => sum + result.requests / result.perCpuSecond, 0);
  return { perSecond: requests / seconds, perCpuSecond: requests / spent };
}

async function controls() {
  const [single, double] = [await startBares('bare-one', 1), await startBares('bare-two', 2)];
  try {
    const results = [[], []];
    for (const bares of [single, double]) await loadAll(bares, warmUp);
    for (let round = 0; round < rounds; round++) {
      for (const [index, bares] of [single, double].entries()) {
        results[index].push(await loadAll(bares, seconds));
      }
    }
    const [alone, both] = results;
    const ratio = (of) => both.map((result, round) => result[of] / alone[round][of]);
    process.stdout.write(`writes of two bare processes to one store, beside one
  in all           ${spread(ratio('perSecond'))}
  a CPU-second     ${spread(ratio('perCpuSecond'))}
`);
  } finally {
    for (const { child } of [...single, ...double]) await stop(child);
  }
}

const one = await start('one', 1);
const two = await start('two', 2);
try {
  for (const kind of ['read', 'write']) {
    const results = [[], []];
    for (const [{ pids, ...server }, processes] of [
      [one, 1],
      [two, 2],
    ]) {
      const { url, script } = server[kind];
      await load(pids, url, { connections, seconds: warmUp * processes, script });
    }
    for (let round = 0; round < rounds; round++) {
      for (const [index, server] of [one, two].entries()) {
        const { url, script } = server[kind];
        results[index].push(await load(server.pids, url, { connections, seconds, script }));
      }
    }
    const [single, double] = results;
    const ratio = (of) => double.map((result, round) => result[of] / single[round][of]);
    process.stdout.write(`${kind}s of kv v2, ${connections} connections, two workers beside one process
  in all           ${spread(ratio('perSecond'))}   budget: at least 1.3
  a CPU-second     ${spread(ratio('perCpuSecond'))}   budget: at least 0.9
  a second         ${Math.round(median(double.map(({ perSecond }) => perSecond)))} beside ${Math.round(median(single.map(({ perSecond }) => perSecond)))}
`);
  }
  const memory = (pids) => Math.round(pids.reduce((sum, pid) => sum + rssAnonMiB(pid), 0));
  await controls();
  process.stdout.write(`memory in MiB      ${memory(two.pids)} beside ${memory(one.pids)}\n`);
} finally {
  await Promise.all([stop(one.child), stop(two.child)]);
  rmSync(root, { recursive: true, force: true });
}

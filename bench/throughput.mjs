// Reads and writes of kv v2 over HTTP, each beside a bare server of the same run, interleaved.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, median, rssAnonMiB, startNode, stop } from './processes.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const portOf = (child) =>
  new Promise((resolve) => {
    child.stdout.once('data', (chunk) => resolve(/(\d+)\s*$/m.exec(String(chunk))[1]));
  });

export async function startBare(script, args) {
  const { spawn } = await import('node:child_process');
  const { plainEnvironment } = await import('./processes.mjs');
  const child = spawn(process.execPath, [here(script), ...args], {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, url: `http://127.0.0.1:${await portOf(child)}/` };
}

/**
 * Rounds of each load in turn. On a shared machine a round can be half as fast as the next, so each of ours is compared with
 * its neighbour in time: the ratio is the median of those of the rounds, with the least and the greatest.
 */
export async function interleave(ours, baselines, { rounds, ...options }) {
  const all = [ours, ...baselines];
  const results = all.map(() => []);
  for (const server of all)
    await load(server.pid, server.url, { ...options, script: server.script, seconds: 1 });
  for (let round = 0; round < rounds; round++) {
    for (const [index, server] of all.entries()) {
      results[index].push(await load(server.pid, server.url, { ...options, script: server.script }));
    }
  }
  return all.map(({ name }, index) => ({
    name,
    perSecond: median(results[index].map(({ perSecond }) => perSecond)),
    perCpuSecond: median(results[index].map(({ perCpuSecond }) => perCpuSecond)),
    ratios: results[index]
      .map(({ perCpuSecond }, round) => results[0][round].perCpuSecond / perCpuSecond)
      .toSorted((a, b) => a - b),
  }));
}

export async function throughput({ server, address, token, directory, rounds, seconds }) {
  const script = (name, text) => {
    writeFileSync(`${directory}/${name}`, text, { mode: 0o600 });
    return `${directory}/${name}`;
  };
  const authorised = `wrk.headers["X-Vault-Token"] = "${token}"\n`;
  const write = `wrk.method = "POST"
wrk.body = '{"data":{"password":"correct horse battery staple"}}'
wrk.headers["Content-Type"] = "application/json"
`;
  const secret = `${address}/v1/secret/data/app/database`;
  const headers = { 'X-Vault-Token': token };
  await fetch(secret, {
    method: 'POST',
    headers,
    body: '{"data":{"password":"correct horse battery staple"}}',
  });
  const answer = await (await fetch(secret, { headers })).text();

  const idle = rssAnonMiB(server.pid);
  const bareRead = await startBare('./baseline-read.mjs', [answer]);
  const reads = await interleave(
    { name: 'coffer read', pid: server.pid, url: secret, script: script('read.lua', authorised) },
    [{ name: 'bare http', pid: bareRead.child.pid, url: bareRead.url, script: script('bare.lua', '') }],
    { connections: 32, rounds, seconds },
  );
  await stop(bareRead.child);

  const own = await startBare('./baseline-write.mjs', [directory, 'own']);
  const shared = await startBare('./baseline-write.mjs', [`${directory}`, 'shared']);
  const spread = `local n = 0
request = function()
  n = (n + 1) % 10000
  return wrk.format(nil, "/v1/secret/data/bench/" .. n)
end
`;
  const writes = await interleave(
    {
      name: 'coffer write',
      pid: server.pid,
      url: `${address}/`,
      script: script('write.lua', authorised + write + spread),
    },
    [
      {
        name: 'bare http + put + line, each flushed',
        pid: own.child.pid,
        url: own.url,
        script: script('own.lua', write),
      },
      {
        name: 'the same, flushes shared',
        pid: shared.child.pid,
        url: shared.url,
        script: script('shared.lua', write),
      },
    ],
    { connections: 64, rounds, seconds },
  );
  await stop(own.child);
  await stop(shared.child);
  return { idle, loaded: rssAnonMiB(server.pid), reads, writes };
}

export { startNode, stop };

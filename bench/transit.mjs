// Encryption and decryption over HTTP beside a bare server of the same run, and batches beside single requests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeStore, serve } from './places.mjs';
import { load, median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 3 : 11;
const seconds = quick ? 1 : 2;
const batchSize = 1_000;
const directory = mkdtempSync(join(tmpdir(), 'coffer-transit-'));

function script(name, token, body) {
  const path = join(directory, name);
  const text = `wrk.method = "POST"
wrk.headers["X-Vault-Token"] = "${token}"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '${body}'
`;
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

async function startBare(answer) {
  const { spawn } = await import('node:child_process');
  const path = fileURLToPath(new URL('./baseline-read.mjs', import.meta.url));
  const child = spawn(process.execPath, [path, answer], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve) => {
    child.stdout.once('data', (chunk) => resolve(/(\d+)\s*$/m.exec(String(chunk))[1]));
  });
  return { child, url: `http://127.0.0.1:${port}/` };
}

function row(name, value, ratios, budget) {
  const shown = ratios.toSorted((a, b) => a - b);
  const span = `${shown[0].toFixed(2)} to ${shown.at(-1).toFixed(2)}`;
  console.log(
    `${name.padEnd(36)} ${value.padStart(16)} ${median(shown).toFixed(3).padStart(8)}  ${budget}  ${span}`,
  );
}

const place = await makeStore(directory);
const { server, address } = await serve(place);
try {
  const { token } = place;
  const ask = async (path, body) => {
    const sent = { method: 'POST', headers: { 'X-Vault-Token': token }, body: JSON.stringify(body) };
    return (await fetch(`${address}/v1/${path}`, sent)).text();
  };
  await ask('sys/mounts/transit', { type: 'transit' });
  await ask('transit/keys/bench', {});
  const plaintext = Buffer.from('correct horse battery staple').toString('base64');
  const answer = await ask('transit/encrypt/bench', { plaintext });
  const { ciphertext } = JSON.parse(answer).data;
  const bare = await startBare(answer);
  const bodies = {
    encrypt: JSON.stringify({ plaintext }),
    decrypt: JSON.stringify({ ciphertext }),
  };
  console.log(`node ${process.version}; per CPU-second of the server process, medians of ${rounds} rounds\n`);
  for (const [verb, body] of Object.entries(bodies)) {
    const item = Array.from({ length: batchSize }, () => JSON.parse(body));
    const one = script(`${verb}.lua`, token, body);
    const many = script(`${verb}-batch.lua`, token, JSON.stringify({ batch_input: item }));
    const url = `${address}/v1/transit/${verb}/bench`;
    const single = [];
    const beside = [];
    const batches = [];
    const batchRates = [];
    await load(server.pid, url, { connections: 32, seconds: 3, script: one });
    for (let round = 0; round < rounds; round++) {
      const ours = await load(server.pid, url, { connections: 32, seconds, script: one });
      const theirs = await load(bare.child.pid, bare.url, { connections: 32, seconds, script: one });
      const batch = await load(server.pid, url, { connections: 4, seconds, script: many });
      single.push(ours.perCpuSecond);
      beside.push(ours.perCpuSecond / theirs.perCpuSecond);
      batchRates.push(batch.perCpuSecond * batchSize);
      batches.push((batch.perCpuSecond * batchSize) / ours.perCpuSecond);
    }
    row(`${verb} beside bare http`, `${Math.round(median(single))}/cpu-s`, beside, '>= 0.20');
    row(`${verb}, items of batches of 1,000`, `${Math.round(median(batchRates))}/cpu-s`, batches, '>= 5.00');
  }
  await stop(bare.child);
} finally {
  await stop(server);
  rmSync(directory, { recursive: true, force: true });
}

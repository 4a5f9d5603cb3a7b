// Credentials of a role beside what they are made of: a bare AssumeRole of the SDK at the same moto, and one write to the store. One at a
// time and in turns; `--quick` for a short look.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { makeStore, serve } from './places.mjs';
import { median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 100 : 500;
/** What they may cost, in times of both. */
const most = 1.3;
const roleArn = 'arn:aws:iam::123456789012:role/Admin';
const directory = mkdtempSync(join(tmpdir(), 'coffer-aws-'));
const root = fileURLToPath(new URL('..', import.meta.url));

/** The tests make its environment. */
async function startMoto() {
  const python = join(root, 'node_modules', '.cache', 'coffer-moto-5.2.5', 'bin', 'python');
  const child = spawn(python, [join(root, 'test', 'setup', 'moto-server.py')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const port = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    child.once('error', () => reject(new Error('moto is missing: run the tests of src/engine/aws first')));
  });
  return { child, endpoint: `http://127.0.0.1:${port}` };
}

async function measure(address, token, endpoint) {
  const headers = { 'X-Vault-Token': token };
  const ask = async (method, path, body) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${address}/v1/${path}`, { method, headers, ...sent });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await answer.text();
  };
  await ask('POST', 'sys/mounts/aws', { type: 'aws' });
  await ask('POST', 'aws/config/root', {
    access_key: 'AKIABENCH',
    secret_key: 'of-the-bench',
    region: 'eu-central-1',
    sts_endpoint: endpoint,
  });
  await ask('POST', 'aws/roles/Admin', { credential_type: 'assumed_role', role_arns: roleArn });
  const sts = new STSClient({
    region: 'eu-central-1',
    endpoint,
    credentials: { accessKeyId: 'AKIABENCH', secretAccessKey: 'of-the-bench' },
  });
  const ways = [
    [
      'bare AssumeRole',
      () => sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'bench' })),
    ],
    ['write', () => ask('POST', 'cubbyhole/bench', { value: 'x' })],
    ['aws/sts/Admin', () => ask('GET', 'aws/sts/Admin')],
  ];
  const times = ways.map(() => []);
  for (let round = -20; round < rounds; round++) {
    for (const [index, [, once]] of ways.entries()) {
      const begun = performance.now();
      await once();
      if (round >= 0) times[index].push(performance.now() - begun);
    }
  }
  sts.destroy();
  const [bare, write, ours] = times.map(median);
  console.log(`node ${process.version}; medians of ${rounds}, in turns\n`);
  console.log(`bare AssumeRole  ${bare.toFixed(2)} ms`);
  console.log(`a write          ${write.toFixed(2)} ms`);
  console.log(
    `aws/sts/Admin    ${ours.toFixed(2)} ms, ${(ours / (bare + write)).toFixed(2)} of both (<= ${most})`,
  );
}

const moto = await startMoto();
try {
  const place = await makeStore(directory);
  const { server, address } = await serve(place, ['--aws-endpoints', moto.endpoint]);
  try {
    await measure(address, place.token, moto.endpoint);
  } finally {
    await stop(server);
  }
} finally {
  moto.child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

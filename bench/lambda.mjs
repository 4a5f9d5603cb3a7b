// A function's cold start: a fresh process that loads the bundle, opens the store and answers its first request, beside `node -e 0`.
// KMS is moto's and the table DynamoDB Local's, as the tests installed them; the time in which they had a call to answer is taken off,
// as a proxy between sees it (its own is not). Interleaved, wall-clock, medians. `--quick`: fewer rounds. `--calls`: which calls.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serve } from './places.mjs';
import { freePort, median, plainEnvironment, stop } from './processes.mjs';

const rounds = process.argv.includes('--quick') ? 9 : 41;
const budget = 8;
const region = 'eu-central-1';
const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules/.cache');
const library = join(cache, 'coffer-dynamodb-local-2.6.1/lib');
const python = join(cache, 'coffer-moto-5.2.5/bin/python');
const bundle = join(root, 'dist/lambda');
for (const path of [library, python]) {
  if (existsSync(path)) continue;
  console.log(`${path} is missing: npx vitest run --project e2e test/e2e/lambda.e2e.test.ts installs it`);
  process.exit(1);
}
const directory = mkdtempSync(join(tmpdir(), 'coffer-lambda-'));
const keys = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'of-a-bench' };

/** When calls were with the emulators, in milliseconds; side by side counts once. */
let waits = [];
const actions = new Map();

async function startMoto() {
  const { AWS_CA_BUNDLE: _bundle, ...env } = plainEnvironment();
  const child = spawn(python, [join(root, 'test/setup/moto-server.py')], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env,
  });
  const [port] = await once(createInterface(child.stdout), 'line');
  return { child, port: Number(port) };
}

async function startLocal() {
  const port = await freePort();
  const main = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
  const words = ['-Xmx256m', `-Djava.library.path=${library}`, '-cp', `${library}/*`, main, '-inMemory'];
  const child = spawn('java', [...words, '-disableTelemetry', '-port', String(port)], {
    cwd: directory,
    stdio: 'ignore',
  });
  for (let tries = 0; tries < 600; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    );
    if (answered) return { child, port };
    await pause(100);
  }
  await stop(child);
  throw new Error('DynamoDB Local did not start');
}

async function startProxy(portOf) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const server = createServer((asked, answer) => {
    const target = String(asked.headers['x-amz-target']);
    const begun = performance.now();
    actions.set(target, (actions.get(target) ?? 0) + 1);
    const { method, url: path, headers } = asked;
    const sent = request({ host: '127.0.0.1', port: portOf(target), agent, method, path, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
      got.on('end', () => waits.push([begun, performance.now()]));
    });
    sent.on('error', () => answer.destroy());
    asked.pipe(sent);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function waited() {
  let sum = 0;
  let end = 0;
  for (const [from, to] of waits.toSorted((a, b) => a[0] - b[0])) {
    if (to <= end) continue;
    sum += to - Math.max(from, end);
    end = to;
  }
  return sum;
}

async function askKms(port, target, body) {
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.AWS_ACCESS_KEY_ID}/20261122/${region}/kms/aws4_request, SignedHeaders=host, Signature=0`;
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target, authorization };
  const answer = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return answer.json();
}

/** Milliseconds to the answer's line, and what of them was not the emulators'. */
async function coldStart(env, event) {
  waits = [];
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [join(root, 'test/e2e/function-runtime.mjs'), join(bundle, 'public.mjs')],
    {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  child.stdin.write(`${JSON.stringify({ event, remaining: 30_000 })}\n`);
  let answer;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('={"result') && !line.startsWith('={"error')) continue;
    answer = JSON.parse(line.slice(1));
    break;
  }
  const all = performance.now() - begun;
  child.kill('SIGKILL');
  if (answer?.result?.statusCode !== 200) throw new Error(`no answer: ${JSON.stringify(answer)}`);
  return { all, own: all - waited() };
}

function bytesOf(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const shipped = files.filter(({ name }) => !name.endsWith('.map'));
  return shipped.reduce((sum, each) => sum + statSync(join(each.parentPath, each.name)).size, 0);
}

const [moto, local] = await Promise.all([startMoto(), startLocal()]);
const proxy = await startProxy((target) => (target.startsWith('DynamoDB') ? local.port : moto.port));
try {
  const { KeyMetadata } = await askKms(moto.port, 'TrentService.CreateKey', { KeyUsage: 'ENCRYPT_DECRYPT' });
  const at = `http://127.0.0.1:${proxy.address().port}`;
  const storage = `dynamodb:coffer-bench?region=${region}&endpoint=${at}&recovery=off`;
  const own = {
    PATH: process.env.PATH,
    HOME: directory,
    XDG_CONFIG_HOME: join(directory, 'config'),
    XDG_DATA_HOME: join(directory, 'data'),
    ...keys,
    AWS_REGION: region,
    AWS_ENDPOINT_URL: at,
    COFFER_STORAGE: storage,
    COFFER_SEAL: `awskms:${KeyMetadata.Arn}`,
  };
  const words = ['--init', '--root-token-file', join(directory, 'token'), '--audit-log', 'store'];
  const { server, address } = await serve({ env: own }, words);
  const token = readFileSync(join(directory, 'token'), 'utf8').trim();
  const body = JSON.stringify({ data: { password: 'correct horse battery staple' } });
  await fetch(`${address}/v1/secret/data/app/db`, {
    method: 'POST',
    headers: { 'X-Vault-Token': token },
    body,
  });
  await stop(server);
  const event = {
    requestContext: {
      elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b' },
    },
    httpMethod: 'GET',
    path: '/v1/secret/data/app/db',
    queryStringParameters: {},
    headers: { host: 'coffer', 'x-forwarded-for': '203.0.113.7', 'x-vault-token': token },
    body: '',
    isBase64Encoded: false,
  };
  await coldStart(own, event);
  actions.clear();
  const times = { node: [], all: [], own: [], ratio: [] };
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    spawnSync(process.execPath, ['-e', '0'], { env: own });
    const node = performance.now() - begun;
    const found = await coldStart(own, event);
    times.node.push(node);
    times.all.push(found.all);
    times.own.push(found.own);
    times.ratio.push(found.own / node);
  }
  const shown = (values) => `${median(values).toFixed(0)} ms`;
  console.log(
    `node ${process.version}; medians of ${rounds} rounds; ${(bytesOf(bundle) / 1e6).toFixed(1)} MB in the bundle\n`,
  );
  console.log(`node -e 0                                ${shown(times.node)}`);
  console.log(`load, open, first answer                 ${shown(times.all)}`);
  console.log(`  without the emulators' time            ${shown(times.own)}`);
  console.log(`  beside node -e 0                       ${median(times.ratio).toFixed(1)}  <= ${budget}`);
  if (process.argv.includes('--calls')) {
    for (const [action, count] of actions)
      console.log(`${(count / rounds).toFixed(1).padStart(6)} ${action}`);
  }
} finally {
  proxy.close();
  proxy.closeAllConnections();
  moto.child.kill('SIGKILL');
  await stop(local.child);
  rmSync(directory, { recursive: true, force: true });
}

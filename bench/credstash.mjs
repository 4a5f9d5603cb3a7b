// The words of credstash beside credstash itself at one table, each call 20 ms away: whole runs, start-up included. KMS is moto's; the
// table is moto's, whose own time is much of both, and then DynamoDB Local's, which answers like the service. Both programs, moto and
// DynamoDB Local are what the tests installed. `--quick`: fewer secrets and rounds.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const quick = process.argv.includes('--quick');
const secrets = quick ? 60 : 500;
const rounds = quick ? 1 : 7;
const delay = 20;
const region = 'eu-central-1';
const root = fileURLToPath(new URL('..', import.meta.url));
const coffer = join(root, 'bin/coffer.js');
const python = join(root, 'node_modules/.cache/coffer-moto-5.2.5/bin/python');
const local = join(root, 'node_modules/.cache/coffer-dynamodb-local-2.6.1');
const credstash = join(root, 'node_modules/.cache/coffer-credstash-1.17.1/bin/credstash');
for (const path of [python, credstash]) {
  if (existsSync(path)) continue;
  console.log(
    `${path} is missing: npx vitest run --project e2e test/compat/credstash.e2e.test.ts installs it`,
  );
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'coffer-credstash-'));
const calls = new Map();
const { NODE_EXTRA_CA_CERTS: _certificates, AWS_CA_BUNDLE: _bundle, ...inherited } = process.env;
const env = {
  PATH: inherited.PATH,
  HOME: directory,
  XDG_CONFIG_HOME: join(directory, 'config'),
  XDG_DATA_HOME: join(directory, 'data'),
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'of-a-bench',
  AWS_DEFAULT_REGION: region,
};

const moto = spawn(python, [join(root, 'test/setup/moto-server.py')], {
  stdio: ['pipe', 'pipe', 'ignore'],
  env: inherited,
});
const [port] = await once(createInterface(moto.stdout), 'line');
const java = existsSync(join(local, 'complete')) ? await startLocal() : undefined;
/** Where the table is just now. */
let tables = Number(port);
const proxy = await startProxy(() => delay);
const straight = await startProxy(() => 0);
const near = { ...env, AWS_ENDPOINT_URL: `http://127.0.0.1:${straight.address().port}` };
const far = { ...env, AWS_ENDPOINT_URL: `http://127.0.0.1:${proxy.address().port}` };

/** Passes calls on after the delay, over connections that stay, and counts them by what they are. */
async function startProxy(wait) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const server = createServer((asked, answer) => {
    const target = String(asked.headers['x-amz-target']);
    const action = target.split('.').at(-1);
    calls.set(action, (calls.get(action) ?? 0) + 1);
    setTimeout(() => {
      const { method, url: path, headers } = asked;
      const to = target.startsWith('DynamoDB') ? tables : Number(port);
      const sent = request({ host: '127.0.0.1', port: to, agent, method, path, headers }, (got) => {
        answer.writeHead(got.statusCode, got.headers);
        got.pipe(answer);
      });
      sent.on('error', () => answer.destroy());
      asked.pipe(sent);
    }, wait());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function startLocal() {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const at = taken.address().port;
  await new Promise((done) => taken.close(done));
  const lib = join(local, 'lib');
  // It hangs by its standard input: where this program breaks off, it ends.
  const script =
    'java -Xmx256m -XX:+UseSerialGC -Djava.library.path="$1" -cp "$1/*" com.amazonaws.services.dynamodbv2.local.main.ServerRunner ' +
    '-inMemory -disableTelemetry -port "$2" >/dev/null 2>&1 & cat >/dev/null; kill -9 $!';
  const child = spawn('sh', ['-c', script, 'sh', lib, String(at)], {
    cwd: local,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined);
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    if (await fetch(`http://127.0.0.1:${at}/`).catch(() => undefined)) return { child, at };
    await new Promise((later) => setTimeout(later, 100));
  }
  child.stdin.end();
  return undefined;
}

/** The same items, as they are stored. */
async function copyTables(names) {
  for (const name of names) {
    tables = Number(port);
    const { Items } = await askAws('DynamoDB_20120810.Scan', { TableName: name });
    const { Table } = await askAws('DynamoDB_20120810.DescribeTable', { TableName: name });
    tables = java.at;
    const { KeySchema, AttributeDefinitions } = Table;
    const made = { TableName: name, KeySchema, AttributeDefinitions, BillingMode: 'PAY_PER_REQUEST' };
    await askAws('DynamoDB_20120810.CreateTable', made);
    for (let from = 0; from < Items.length; from += 25) {
      const puts = Items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
      await askAws('DynamoDB_20120810.BatchWriteItem', { RequestItems: { [name]: puts } });
    }
  }
}

/** Milliseconds of processor time of all children that have ended, to the tick of the kernel's clock; none where there is no /proc. */
function childrensTime() {
  if (!existsSync('/proc/self/stat')) return Number.NaN;
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** Milliseconds of one whole run. */
async function timed(command, words, { environment = far, input } = {}) {
  calls.clear();
  const before = childrensTime();
  const start = performance.now();
  const child = spawn(command, words, { env: environment, cwd: directory, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${stderr}`);
  const counted = [...calls].map(([action, count]) => `${count} ${action}`).join(', ');
  return { ms: performance.now() - start, cpu: childrensTime() - before, stdout, counted };
}

const ours = (words, options) => timed(process.execPath, [coffer, ...words], options);
const theirs = (words) => timed(credstash, ['--log-file', '/dev/null', ...words]);

async function askAws(target, body) {
  const service = target.startsWith('TrentService') ? 'kms' : 'dynamodb';
  const scope = `AKIAIOSFODNN7EXAMPLE/20260101/${region}/${service}/aws4_request`;
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': target,
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
  };
  const answer = await fetch(near.AWS_ENDPOINT_URL, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${target}: ${await answer.text()}`);
  return answer.json();
}

async function fill() {
  const { KeyMetadata } = await askAws('TrentService.CreateKey', {
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyUsage: 'ENCRYPT_DECRYPT',
  });
  await askAws('TrentService.CreateAlias', { AliasName: 'alias/credstash', TargetKeyId: KeyMetadata.KeyId });
  const all = Object.fromEntries(
    Array.from({ length: secrets }, (_, index) => [`app.${index}`, `value ${index}`]),
  );
  const options = { environment: near, input: JSON.stringify(all) };
  await ours(['credstash', 'setup'], options);
  const shared = `credstash://shared?region=${region}`;
  await ours(['table', 'setup', '--safe', shared, '--shared-key-days', '30'], options);
  for (const table of ['credential-store', 'shared'])
    await ours(['credstash', '-t', table, 'putall', '-'], options);
}

function mean(numbers) {
  return Math.round(numbers.reduce((sum, each) => sum + each, 0) / numbers.length);
}

function middle(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** One of theirs, then one of ours, and so on: a busy machine is busy for both. */
async function compare(name, budget, theirWords, ourWords) {
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    pairs.push({ theirs: await theirs(theirWords), ours: await ours(ourWords) });
  }
  const ratio = middle(pairs.map((pair) => pair.theirs.ms / pair.ours.ms));
  const [last] = pairs.slice(-1);
  const cpu = ['theirs', 'ours'].map((whose) => mean(pairs.map((pair) => pair[whose].cpu)));
  const [a, b] = ['theirs', 'ours'].map(
    (whose) => `${Math.round(middle(pairs.map((pair) => pair[whose].ms)))} ms`,
  );
  console.log(
    `${name.padEnd(44)} ${a.padStart(9)} ${b.padStart(9)} ${ratio.toFixed(1).padStart(6)}  wanted ${budget}`,
  );
  console.log(`    theirs: ${cpu[0]} ms of processor; ${last.theirs.counted}`);
  console.log(`    ours:   ${cpu[1]} ms of processor; ${last.ours.counted}`);
  return last;
}

/** Milliseconds that the table itself takes for all of it, with nothing in the way. */
async function bareScan() {
  const start = performance.now();
  await askAws('DynamoDB_20120810.Scan', { TableName: 'shared' });
  return performance.now() - start;
}

async function compareAll(where) {
  console.log(`\n${where}`);
  const all = await compare('getall', 3, ['getall'], ['credstash', 'getall']);
  if (all.theirs.stdout !== all.ours.stdout) throw new Error('the two answers differ');
  const shared = ['credstash', '-t', 'shared', 'getall'];
  const own = await compare("getall, Coffer's format, one data key", 20, ['getall'], shared);
  if (own.theirs.stdout !== own.ours.stdout) throw new Error('the two answers differ');
  await compare('get', 3, ['get', 'app.7'], ['credstash', 'get', 'app.7']);
  const safe = ['get', '--safe', `credstash://shared?region=${region}`, 'app.7'];
  await compare("get, Coffer's words and format", 3, ['get', 'app.7'], safe);
  console.log(`of these, the table itself takes ${Math.round(await bareScan())} ms for one bare scan`);
}

async function counted(name, words) {
  const { counted: text } = await ours(words);
  console.log(`${name.padEnd(44)} ${text}`);
}

try {
  await fill();
  console.log(
    `${secrets} secrets, ${delay} ms a call, ${rounds} rounds\n${' '.repeat(45)}credstash    Coffer  ratio`,
  );
  await compareAll("moto's table");
  if (java === undefined)
    console.log('\nDynamoDB Local is not installed: the tests of storage/dynamodb do that');
  else {
    await copyTables(['credential-store', 'shared']);
    await compareAll("DynamoDB Local's table");
    tables = Number(port);
  }
  console.log('Calls of ours');
  const more = join(directory, 'value');
  writeFileSync(more, 'another');
  const smash = ['credsmash', '-t', 'credential-store', '-k', 'alias/credstash'];
  await counted('get', [...smash, 'get', 'app.7']);
  await counted('get-all', [...smash, 'get-all', '/dev/null']);
  await counted('put', [...smash, 'put', 'app.8', more]);
  await counted('prune', [...smash, 'prune', 'app.8']);
  await counted('delete', [...smash, 'delete', 'app.8']);
} finally {
  for (const server of [proxy, straight]) {
    server.close();
    server.closeAllConnections();
  }
  java?.child.stdin.end();
  moto.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

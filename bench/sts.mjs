// `coffer sts get` from one end to the other beside `node -e 0`: the server's time for the same three requests, made by a process that
// is warm, is taken off. STS is a trifle here, so that it is nobody's time. Interleaved, wall-clock, medians; `--quick` for a short look.

import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coffer, makeStore, serve } from './places.mjs';
import { median, plainEnvironment, stop } from './processes.mjs';

const rounds = process.argv.includes('--quick') ? 9 : 31;
const budget = 3;
const period = 300;
const directory = mkdtempSync(join(tmpdir(), 'coffer-sts-'));

const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>
<AssumedRoleId>AROABENCH:bench</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/Admin/bench</Arn></AssumedRoleUser><Credentials>
<AccessKeyId>ASIABENCHBENCHBENCH0</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

const sts = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'text/xml' }).end(assumed));
});
await new Promise((resolve) => sts.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${sts.address().port}`;

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.replace(/.{5}/g, (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)]);
}

function codeOf(key) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1_000 / period)));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function ask(address, method, path, body, token) {
  const headers = token === undefined ? {} : { 'X-Vault-Token': token };
  const answer = await fetch(`${address}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

/** A code is good once, so each round has an account of its own. */
async function makeAccount(address, token, name) {
  const key = randomBytes(20);
  const path = `auth/totp/accounts/bench/${name}`;
  await ask(address, 'POST', path, { roles: ['Admin'], token_policies: ['sts'] }, token);
  const url = `otpauth://totp/bench:${name}?period=${period}&secret=${base32(key)}`;
  await ask(address, 'POST', `${path}/devices/phone`, { url }, token);
  return { name, key };
}

/** What the command asks of the server. */
async function threeRequests(address, { name, key }) {
  const proof = { issuer: 'bench', account: name, code: codeOf(key), role: 'Admin' };
  const { auth } = await ask(address, 'POST', 'auth/totp/login', proof);
  await ask(address, 'POST', 'aws/sts/Admin', {}, auth.client_token);
  await ask(address, 'POST', 'auth/token/revoke-self', {}, auth.client_token);
}

function run(args, env, input) {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
    let told = '';
    child.stderr.on('data', (chunk) => {
      told += chunk;
    });
    child.once('close', (code) =>
      code === 0 ? resolve(performance.now() - begun) : reject(new Error(`ended with ${code}: ${told}`)),
    );
    child.stdin.end(input);
  });
}

const place = await makeStore(directory);
const { server, address } = await serve({ env: { ...place.env, COFFER_AWS_ENDPOINTS: endpoint } });
try {
  const { token } = place;
  await ask(address, 'POST', 'sys/auth/totp', { type: 'totp' }, token);
  await ask(address, 'POST', 'sys/mounts/aws', { type: 'aws' }, token);
  const policy = 'path "aws/sts/{{token.metadata.role}}" { capabilities = ["update"] }';
  await ask(address, 'POST', 'sys/policies/acl/sts', { policy }, token);
  const keys = { access_key: 'AKIABENCHBENCHBENCH0', secret_key: 'of-the-bench', region: 'eu-central-1' };
  await ask(address, 'POST', 'aws/config/root', { ...keys, sts_endpoint: endpoint }, token);
  const role = { credential_type: 'assumed_role', role_arns: 'arn:aws:iam::123456789012:role/Admin' };
  await ask(address, 'POST', 'aws/roles/Admin', role, token);
  const env = plainEnvironment({
    HOME: directory,
    COFFER_ADDR: address,
    STS_ISSUER: 'bench',
    STS_ROLE: 'Admin',
  });
  const [node, get, wire] = [[], [], []];
  for (let round = -2; round < rounds; round++) {
    const [first, second] = [
      await makeAccount(address, token, `a${round + 2}`),
      await makeAccount(address, token, `b${round + 2}`),
    ];
    const begun = performance.now();
    await threeRequests(address, first);
    const served = performance.now() - begun;
    const bare = await run(['-e', '0'], env, '');
    const words = [coffer, 'sts', 'get', '--account-name', second.name, '--no-cache'];
    const took = await run(words, env, `${codeOf(second.key)}\n`);
    if (round < 0) continue;
    wire.push(served);
    node.push(bare);
    get.push(took);
  }
  const own = median(get.map((took, at) => (took - wire[at]) / node[at]));
  console.log(`sts get            ${median(get).toFixed(0)} ms, of which the server's ${median(wire).toFixed(0)} ms
node -e 0          ${median(node).toFixed(0)} ms
ratio              ${own.toFixed(2)}   budget: at most ${budget}`);
} finally {
  await stop(server);
  sts.close();
  rmSync(directory, { recursive: true, force: true });
}

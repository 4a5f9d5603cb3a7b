// Logins of instances and principals of AWS beside AppRole's, and a whole fleet that logs in at once; AWS is this process. `--quick`
// for a short look.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, makeStore, serve } from './places.mjs';
import { cpuSeconds, load, median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 15;
const seconds = quick ? 1 : 2;
const machines = 500;
const fleet = quick ? 2_000 : 10_000;
/** Of the fleet AWS does not know so many, one a thousand. */
const unknown = fleet / 1_000;
const connections = 2_000;
const directory = mkdtempSync(join(tmpdir(), 'coffer-aws-'));

const { Cloud } = await import(pathToFileURL(bundle('aws-fakes')).href);
const cloud = await new Cloud().open();

/** A script of wrk that posts each body in its turn. */
function script(name, bodies) {
  const file = join(directory, `${name}.lua`);
  const lines = bodies.map((body) => `  [==[${JSON.stringify(body)}]==],`);
  const text = `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies = {
${lines.join('\n')}
}
local n = 0
request = function()
  n = n % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[n])
end
`;
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** Status of one login. */
function logIn(agent, url, body) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** Statuses of many logins that begin together. */
async function together(url, bodies) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const statuses = await Promise.all(bodies.map((body) => logIn(agent, url, body)));
  agent.destroy();
  return statuses;
}

async function measure(server, address, token) {
  const ask = async (path, body = {}) => {
    const sent = { method: 'POST', headers: { 'X-Vault-Token': token }, body: JSON.stringify(body) };
    const answer = await fetch(`${address}/v1/${path}`, sent);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text === '' ? {} : JSON.parse(text);
  };
  await ask('sys/auth/approle', { type: 'approle' });
  await ask('auth/approle/role/bench', {
    role_id: 'bench',
    token_policies: ['reader'],
    token_ttl: '1h',
  });
  const { secret_id } = (await ask('auth/approle/role/bench/secret-id')).data;
  await ask('sys/auth/aws', { type: 'aws' });
  for (const [path, body] of Object.entries(cloud.settings)) await ask(`auth/aws/${path}`, body);
  const nonce = 'of the bench';
  const proofs = cloud.machines(1, machines, true).map(({ pkcs7 }) => ({ role: 'machines', pkcs7, nonce }));
  // What is measured are machines that are known: the first time a document has to be read, and AWS to be asked.
  await together(`${address}/v1/auth/aws/login`, proofs);
  const people = cloud.people(200).map((signed) => ({ role: 'people', ...signed }));
  const kinds = [
    {
      name: 'approle',
      path: 'approle',
      script: script('approle', [{ role_id: 'bench', secret_id }]),
    },
    { name: 'aws, instance', path: 'aws', script: script('machines', proofs), most: 2.5 },
    { name: 'aws, principal', path: 'aws', script: script('people', people) },
  ];
  const run = async ({ path, script: of }, time) => {
    const asked = cloud.ec2.asked.length;
    const url = `${address}/v1/auth/${path}/login`;
    const one = await load(server.pid, url, { connections: 32, seconds: time, script: of });
    return { ...one, asked: cloud.ec2.asked.length - asked };
  };
  for (const kind of kinds) await run(kind, 3);
  const results = kinds.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, kind] of kinds.entries()) results[index].push(await run(kind, seconds));
  const [beside] = results;
  console.log(`node ${process.version}; per CPU-second of the server process, medians of ${rounds} rounds\n`);
  for (const [index, { name, most }] of kinds.entries()) {
    const all = results[index];
    const costs = all
      .map((one, round) => beside[round].perCpuSecond / one.perCpuSecond)
      .toSorted((a, b) => a - b);
    const sum = (of) => all.reduce((total, one) => total + one[of], 0);
    console.log(
      `${name.padEnd(16)} ${String(Math.round(median(all.map((one) => one.perCpuSecond)))).padStart(6)}/cpu-s  costs ${median(costs).toFixed(2)} AppRole logins${most === undefined ? '' : ` (<= ${most})`}, ${costs[0].toFixed(2)} to ${costs.at(-1).toFixed(2)}; ${sum('asked')} questions to EC2 for ${sum('requests')} logins`,
    );
  }
}

async function whole(server, address) {
  const first = 1_000_000;
  const known = cloud.machines(first, fleet - unknown, true);
  const strange = cloud.machines(first + fleet, unknown, false);
  const step = Math.floor(known.length / unknown);
  const all = known.flatMap((machine, index) =>
    index % step === 0 && index / step < unknown ? [strange[index / step], machine] : [machine],
  );
  const asked = cloud.ec2.asked.length;
  const cpu = cpuSeconds(server.pid);
  const begun = performance.now();
  const url = `${address}/v1/auth/aws/login`;
  const bodies = all.map(({ pkcs7 }) => ({ role: 'machines', pkcs7, nonce: 'of the fleet' }));
  const statuses = await together(url, bodies);
  const took = (performance.now() - begun) / 1_000;
  const questions = cloud.ec2.asked.length - asked;
  const count = (status) => statuses.filter((each) => each === status).length;
  const wrong = statuses.length - count(200) - count(400);
  console.log(
    `\n${all.length} instances at once over ${connections} connections: ${count(200)} logged in, ${count(400)} refused (${unknown} are unknown to AWS), ${wrong} failed
${questions} questions to EC2 (<= ${all.length / 100}), ${(questions / took).toFixed(1)} a second (<= 10 and a first 10); ${took.toFixed(1)} s, ${(((cpuSeconds(server.pid) - cpu) / all.length) * 1_000).toFixed(2)} ms of CPU a login`,
  );
}

const place = await makeStore(directory);
const { server, address } = await serve({
  env: { ...place.env, ...cloud.env, COFFER_LIMITS_CONNECTIONS_PER_ADDRESS: String(2 * connections) },
});
try {
  await measure(server, address, place.token);
  await whole(server, address);
} finally {
  await stop(server);
  await cloud.close();
  rmSync(directory, { recursive: true, force: true });
}

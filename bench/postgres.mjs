// kv on a store in PostgreSQL, beside bare servers that ask the same PostgreSQL one thing a request; and the start over many leases.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { bundle, fill, makeStore, serve } from './places.mjs';
import { program, startPostgresql } from './postgresql-server.mjs';
import { load, median, stop } from './processes.mjs';
import { interleave, startBare } from './throughput.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 3 : 11;
const leases = quick ? 100_000 : 1_000_000;
const directory = mkdtempSync(join(tmpdir(), 'coffer-postgres-'));
chmodSync(directory, 0o711);

function row(name, value, ratio = '', budget = '') {
  console.log(`${name.padEnd(44)} ${value.padStart(16)} ${ratio.padStart(8)}  ${budget}`);
}

function script(name, text) {
  writeFileSync(join(directory, name), text, { mode: 0o600 });
  return join(directory, name);
}

async function patiently(login, action) {
  for (let tries = 0; ; tries++) {
    const client = new pg.Client(login);
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await action(client);
    } catch (error) {
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

const urlOf = ({ host, port, user, password }, database) =>
  `postgres://${user}:${password}@${host}:${port}/${database}`;

async function throughputs(login) {
  const env = {
    HOME: join(directory, 'small'),
    XDG_CONFIG_HOME: join(directory, 'small', 'config'),
    XDG_DATA_HOME: join(directory, 'small', 'data'),
    COFFER_STORAGE: urlOf(login, 'small'),
  };
  const { server, address } = await serve({ env }, ['--init', '--root-token-file', join(directory, 'token')]);
  const token = readFileSync(join(directory, 'token'), 'utf8').trim();
  const authorised = `wrk.headers["X-Vault-Token"] = "${token}"\n`;
  const post = `wrk.method = "POST"
wrk.body = '{"data":{"password":"correct horse battery staple"}}'
wrk.headers["Content-Type"] = "application/json"
`;
  const secret = `${address}/v1/secret/data/app/database`;
  const headers = { 'X-Vault-Token': token };
  const bares = [];
  try {
    await fetch(secret, {
      method: 'POST',
      headers,
      body: '{"data":{"password":"correct horse battery staple"}}',
    });
    const answer = await (await fetch(secret, { headers })).text();
    await patiently({ ...login, database: 'small' }, async (client) => {
      await client.query('CREATE TABLE bare (key text PRIMARY KEY, value bytea)');
      await client.query("INSERT INTO bare VALUES ('one', $1)", [Buffer.from(answer)]);
    });
    const bare = async (kind) => {
      const args = [JSON.stringify({ ...login, database: 'small' }), 'bare', kind];
      const { child, url } = await startBare('./baseline-postgres.mjs', args);
      bares.push(child);
      return { pid: child.pid, url };
    };
    const spread = `local n = 0
request = function()
  n = (n + 1) % 10000
  return wrk.format(nil, "/v1/secret/data/bench/" .. n)
end
`;
    for (const [ours, baseline, budget, connections] of [
      [
        { name: 'coffer read', url: secret, script: script('read.lua', authorised) },
        { name: 'bare http + one SELECT', ...(await bare('read')), script: script('bare.lua', '') },
        '>= 0.30',
        32,
      ],
      [
        { name: 'coffer write', url: `${address}/`, script: script('write.lua', authorised + post + spread) },
        { name: 'bare http + one INSERT', ...(await bare('write')), script: script('insert.lua', post) },
        '>= 0.40',
        64,
      ],
    ]) {
      const [mine, theirs] = await interleave({ ...ours, pid: server.pid }, [baseline], {
        connections,
        rounds,
        seconds: 2,
      });
      row(mine.name, `${Math.round(mine.perCpuSecond)}/cpu-s`, '', `${Math.round(mine.perSecond)}/s`);
      const span = `${theirs.ratios[0].toFixed(2)} to ${theirs.ratios.at(-1).toFixed(2)}`;
      row(
        `  beside ${theirs.name}`,
        `${Math.round(theirs.perCpuSecond)}/cpu-s`,
        median(theirs.ratios).toFixed(3),
        `${budget}  ${span}  ${Math.round(theirs.perSecond)}/s`,
      );
    }
    // Each node writes to names of its own: what two do to one name at once is another question.
    const writes = (folder) =>
      script(`${folder}.lua`, authorised + post + spread.replace('/bench/', `/${folder}/`));
    const reads = script('read.lua', authorised);
    const insert = script('insert.lua', post);
    const inserting = [
      { ...(await bare('write')), script: insert },
      { ...(await bare('write')), script: insert },
    ];
    await twoNodes({ server, address }, env, inserting, [
      { name: 'reads', path: '/v1/secret/data/app/database', scripts: [reads, reads] },
      { name: 'writes', path: '/', scripts: [writes('one'), writes('two')], bare: true },
    ]);
  } finally {
    for (const child of bares) await stop(child);
    await stop(server);
  }
}

/**
 * One node, and that one beside another on the same store with as many clients; the same of two bare servers, which share nothing but
 * the machine, and say what that costs.
 */
async function twoNodes(first, env, bares, kinds) {
  const second = await serve({ env: { ...env, XDG_DATA_HOME: join(directory, 'second') } });
  try {
    for (const { name, path, scripts, bare } of kinds) {
      const at = ({ server, address }, script) => ({ pid: server.pid, url: address + path, script });
      const nodes = [at(first, scripts[0]), at(second, scripts[1])];
      // The first has compiled its code by now, in the rounds before; the second has done nothing yet.
      for (let round = 0; round < 6; round++) await Promise.all(nodes.map(loaded));
      const ratios = [];
      const controls = [];
      for (let round = 0; round < rounds; round++) {
        ratios.push(await twoBesideOne(nodes));
        if (bare) controls.push(await twoBesideOne(bares));
      }
      row(`two nodes beside one, ${name}`, '', ...spanOf(ratios, '>= 0.90  '));
      if (bare) row(`  two bare servers beside one, ${name}`, '', ...spanOf(controls, ''));
    }
  } finally {
    await stop(second.server);
  }
}

function loaded({ pid, url, script }) {
  return load(pid, url, { connections: 32, seconds: 2, script });
}

/** Requests per CPU-second of two that run side by side, beside those of the first alone. */
async function twoBesideOne(servers) {
  const alone = await loaded(servers[0]);
  const both = await Promise.all(servers.map(loaded));
  const requests = both.reduce((sum, one) => sum + one.requests, 0);
  const spent = both.reduce((sum, one) => sum + one.requests / one.perCpuSecond, 0);
  return requests / spent / alone.perCpuSecond;
}

function spanOf(ratios, budget) {
  const sorted = ratios.toSorted((a, b) => a - b);
  return [median(sorted).toFixed(3), `${budget}${sorted[0].toFixed(2)} to ${sorted.at(-1).toFixed(2)}`];
}

/** Moves the records of a store on disk into tables, by COPY: making a million leases there would take an hour. */
async function copied(store, login) {
  const rows = spawn(process.execPath, [bundle('rows'), store.data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const words = ['-h', login.host, '-p', String(login.port), '-U', login.user, '-d', 'large', '-q'];
  const psql = spawn(
    program('psql'),
    [...words, '-c', 'COPY coffer_records (key, revision, value) FROM STDIN', '-c', 'ANALYZE coffer_records'],
    { stdio: [rows.stdout, 'inherit', 'inherit'], env: { ...process.env, PGPASSWORD: login.password } },
  );
  const code = await new Promise((resolve) => psql.on('exit', resolve));
  if (code !== 0) throw new Error(`psql ended with ${code}`);
}

async function starts(login) {
  const store = await makeStore(join(directory, 'large'));
  await fill(store, { leases });
  const env = { ...store.env, COFFER_STORAGE: urlOf(login, 'large') };
  // Makes the tables, and a store that the copy takes the place of.
  const empty = { ...env, HOME: join(directory, 'empty'), XDG_CONFIG_HOME: join(directory, 'empty') };
  const first = await serve({ env: { ...empty, XDG_DATA_HOME: join(directory, 'empty') } }, ['--init']);
  await stop(first.server);
  await patiently({ ...login, database: 'large' }, (client) => client.query('TRUNCATE coffer_records'));
  await copied(store, login);
  const took = [];
  for (let round = 0; round < (quick ? 3 : 7); round++) {
    const began = performance.now();
    const { server, address } = await serve({ env });
    await fetch(`${address}/v1/secret/data/none`, { headers: { 'X-Vault-Token': store.token } });
    took.push(performance.now() - began);
    await stop(server);
  }
  row(`start to first answer, ${leases} leases`, `${median(took).toFixed(0)} ms`, '', '< 2000 ms');
}

const postgresql = await startPostgresql(directory);
try {
  const { login } = postgresql;
  for (const name of ['small', 'large'])
    await patiently(login, (client) => client.query(`CREATE DATABASE ${name}`));
  console.log(
    `node ${process.version}; requests per CPU-second of the server process, medians of ${rounds} rounds\n`,
  );
  await throughputs(login);
  await starts(login);
} finally {
  await stop(postgresql.child);
  rmSync(directory, { recursive: true, force: true });
}

// Credentials of a PostgreSQL beside the bare driver that makes the same roles by the same statement, on the same server.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { makeStore, serve } from './places.mjs';
import { startPostgresql, treeCpuSeconds } from './postgresql-server.mjs';
import { cpuSeconds, load, median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 11;
const seconds = quick ? 1 : 2;
const connections = 8;
const clients = 32;
const budget = 1.3;
const directory = mkdtempSync(join(tmpdir(), 'coffer-database-'));
chmodSync(directory, 0o711);

async function connected(login) {
  for (let tries = 0; ; tries++) {
    const pool = new pg.Pool({ ...login, max: connections });
    pool.on('error', () => undefined);
    try {
      await pool.query('SELECT 1');
      return pool;
    } catch (error) {
      await pool.end();
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Calls a second, `clients` at once, over some seconds. */
async function ratePerSecond(action) {
  let done = 0;
  const begun = performance.now();
  const worker = async () => {
    while (performance.now() - begun < seconds * 1_000) {
      await action();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, worker));
  return (done * 1_000) / (performance.now() - begun);
}

const creation = `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`;
let made = 0;

function bareStatement() {
  const name = `v-token-bare-${String(made++).padStart(20, '0')}-1700000000`;
  return creation
    .replace('{{name}}', name)
    .replace('{{password}}', 'Abcdefghij-123456789')
    .replace('{{expiration}}', '2099-01-01 00:00:00+0000');
}

const postgresql = await startPostgresql(directory);
const place = await makeStore(directory);
const { server, address } = await serve(place);
let pool;
try {
  pool = await connected(postgresql.login);
  const ask = async (path, body, method = 'POST') => {
    const sent = { method, headers: { 'X-Vault-Token': place.token }, body: body && JSON.stringify(body) };
    const answer = await fetch(`${address}/v1/${path}`, sent);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  };
  const { host, port, user, password, database } = postgresql.login;
  await ask('sys/mounts/database', { type: 'database' });
  await ask('database/config/main', {
    plugin_name: 'postgresql-database-plugin',
    connection_url: `postgresql://{{username}}:{{password}}@${host}:${port}/${database}`,
    username: user,
    password,
    allowed_roles: '*',
    password_authentication: process.argv.includes('--hashed') ? 'scram-sha-256' : 'password',
    max_open_connections: connections,
  });
  await ask('database/roles/app', { db_name: 'main', creation_statements: creation });
  const script = join(directory, 'creds.lua');
  writeFileSync(script, `wrk.headers["X-Vault-Token"] = "${place.token}"\n`, { mode: 0o600 });
  // Ours are asked for by a client that costs next to nothing: it has no part in what is measured. The driver has.
  const rateOf = {
    ours: async () =>
      (await load(server.pid, `${address}/v1/database/creds/app`, { connections: clients, seconds, script }))
        .perSecond,
    theirs: () => ratePerSecond(() => pool.query(bareStatement())),
  };
  const tidy = async () => {
    await ask('sys/leases/revoke-prefix/database/creds');
    const { rows } = await pool.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-token-bare-%'");
    if (rows.length > 0) await pool.query(rows.map(({ rolname }) => `DROP ROLE "${rolname}"`).join(';'));
  };
  for (const rate of Object.values(rateOf)) await rate();
  await tidy();
  const ratios = [];
  const cpu = { ours: [], theirs: [], server: [] };
  const each = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    // Who goes first has the quieter disk, or not: they take turns.
    const order = round % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'];
    for (const who of order) {
      const maker = () =>
        who === 'ours'
          ? cpuSeconds(server.pid)
          : process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
      const before = [maker(), treeCpuSeconds(postgresql.child.pid)];
      const rate = await rateOf[who]();
      const after = [maker(), treeCpuSeconds(postgresql.child.pid)];
      each[who].push(rate);
      const perCall = (at) => ((after[at] - before[at]) * 1_000) / (rate * seconds);
      cpu[who].push(perCall(0));
      cpu.server.push(perCall(1));
    }
    ratios.push(each.theirs.at(-1) / each.ours.at(-1));
    await tidy();
  }
  const sorted = ratios.toSorted((a, b) => a - b);
  const rate = (values) => `${Math.round(median(values))}/s`;
  const milliseconds = (values) => `${median(values).toFixed(2)} ms`;
  console.log(
    `node ${process.version}; ${clients} at once over ${connections} connections, medians of ${rounds} rounds of ${seconds} s`,
  );
  console.log(`bare driver, CREATE ROLE             ${rate(each.theirs).padStart(8)}`);
  console.log(`credentials with lease               ${rate(each.ours).padStart(8)}`);
  console.log(
    `CPU a call: driver ${milliseconds(cpu.theirs)}, Coffer ${milliseconds(cpu.ours)}, PostgreSQL ${milliseconds(cpu.server)}`,
  );
  const span = `${sorted[0].toFixed(2)} to ${sorted.at(-1).toFixed(2)}`;
  console.log(
    `ratio                         ${median(sorted).toFixed(3).padStart(8)}  <= ${budget.toFixed(2)}  ${span}`,
  );
} finally {
  await stop(server);
  await pool?.end();
  await stop(postgresql.child);
  rmSync(directory, { recursive: true, force: true });
}

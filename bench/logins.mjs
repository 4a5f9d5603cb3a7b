// Logins: AppRole's beside kv v2 writes, and what userpass's leave of reads. Rounds are interleaved, ratios are of neighbours in time.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { load, median } from './processes.mjs';

const jsonPost = `wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
`;

async function call(address, token, method, path, body) {
  const answer = await fetch(`${address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': token, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`);
  return answer.status === 204 ? {} : await answer.json();
}

/** AppRole logins and kv v2 writes at the same concurrency; `ratios` are logins to writes per CPU-second, in order. */
export async function appRoleLogins({ server, address, token, directory, rounds, seconds }) {
  await call(address, token, 'POST', 'sys/auth/approle', { type: 'approle' });
  const path = 'auth/approle/role/bench';
  await call(address, token, 'POST', path, { token_policies: ['reader'], token_ttl: '1h' });
  const { role_id } = (await call(address, token, 'GET', `${path}/role-id`)).data;
  const { secret_id } = (await call(address, token, 'POST', `${path}/secret-id`)).data;
  const script = (name, text) => {
    writeFileSync(`${directory}/${name}`, text, { mode: 0o600 });
    return `${directory}/${name}`;
  };
  const login = {
    name: 'approle login',
    url: `${address}/v1/auth/approle/login`,
    script: script('login.lua', `${jsonPost}wrk.body = '${JSON.stringify({ role_id, secret_id })}'\n`),
  };
  const write = {
    name: 'kv v2 write',
    url: `${address}/`,
    script: script(
      'kv-write.lua',
      `wrk.headers["X-Vault-Token"] = "${token}"
${jsonPost}wrk.body = '{"data":{"password":"correct horse battery staple"}}'
local n = 0
request = function()
  n = (n + 1) % 10000
  return wrk.format(nil, "/v1/secret/data/logins/" .. n)
end
`,
    ),
  };
  const results = [[], []];
  for (const { url, script } of [login, write])
    await load(server.pid, url, { connections: 64, seconds: 1, script });
  for (let round = 0; round < rounds; round++) {
    for (const [index, { url, script }] of [login, write].entries()) {
      results[index].push(await load(server.pid, url, { connections: 64, seconds, script }));
    }
  }
  const [logins, writes] = results;
  return {
    perSecond: median(logins.map(({ perSecond }) => perSecond)),
    writesPerSecond: median(writes.map(({ perSecond }) => perSecond)),
    ratios: logins
      .map(({ perCpuSecond }, round) => perCpuSecond / writes[round].perCpuSecond)
      .toSorted((a, b) => a - b),
  };
}

/**
 * The 99th percentile of kv v2 reads, alone and while people log in by password without pause from eight connections; in
 * milliseconds, with `ratios` of neighbours.
 */
export async function passwordLogins({ address, token, directory, rounds, seconds }) {
  await call(address, token, 'POST', 'sys/auth/userpass', { type: 'userpass' });
  await call(address, token, 'POST', 'auth/userpass/users/bench', {
    password: 'correct horse battery staple',
  });
  await call(address, token, 'POST', 'secret/data/logins/read', { data: { password: 'x' } });
  const script = `${directory}/quiet-read.lua`;
  writeFileSync(script, `wrk.headers["X-Vault-Token"] = "${token}"\n`, { mode: 0o600 });
  const read = () => percentile99(`${address}/v1/secret/data/logins/read`, { seconds, script });
  const quiet = [];
  const busy = [];
  let logins = 0;
  await read();
  for (let round = 0; round < rounds; round++) {
    quiet.push(await read());
    const people = logInWithoutPause(address, 8);
    busy.push(await read());
    logins += await people.stop();
  }
  return {
    quiet: median(quiet),
    busy: median(busy),
    loginsPerSecond: logins / (rounds * seconds),
    ratios: busy.map((time, round) => time / quiet[round]).toSorted((a, b) => a - b),
  };
}

function logInWithoutPause(address, people) {
  let stopped = false;
  let done = 0;
  const person = async () => {
    while (!stopped) {
      const answer = await fetch(`${address}/v1/auth/userpass/login/bench`, {
        method: 'POST',
        body: '{"password":"correct horse battery staple"}',
      });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`a login was answered ${answer.status}`);
      done += 1;
    }
  };
  const all = Promise.all(Array.from({ length: people }, person));
  return {
    async stop() {
      stopped = true;
      await all;
      return done;
    },
  };
}

/** Milliseconds. Few connections: what is asked is how long one request waits, not how many fit. */
async function percentile99(url, { seconds, script }) {
  const args = ['-t1', '-c4', `-d${seconds}s`, '--latency', '-s', script, url];
  const output = await new Promise((resolve, reject) => {
    const wrk = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    wrk.stdout.on('data', (chunk) => {
      text += chunk;
    });
    wrk.on('error', () => reject(new Error('wrk is missing: apt-get install wrk')));
    wrk.on('close', () => resolve(text));
  });
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`the load met errors:\n${output}`);
  const [, number, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? [];
  return Number(number) * { us: 0.001, ms: 1, s: 1_000 }[unit];
}

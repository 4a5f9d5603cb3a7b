// Reads of secrets that list who may read them, beside kv v2 reads by the same token in the same run. `--quick` for a short look.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeStore, serve } from './places.mjs';
import { load, median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 15;
const seconds = quick ? 1 : 2;
const secrets = 1_000;
const directory = mkdtempSync(join(tmpdir(), 'coffer-roles-'));

function script(name, token, path) {
  const file = join(directory, `${name}.lua`);
  const text = `wrk.headers["X-Vault-Token"] = "${token}"
local n = 0
request = function()
  n = (n + 1) % ${secrets}
  return wrk.format("GET", "/v1/${path}" .. n)
end
`;
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const place = await makeStore(directory);
const { server, address } = await serve(place);
try {
  const ask = async (path, body, token = place.token) => {
    const sent = { method: 'POST', headers: { 'X-Vault-Token': token }, body: JSON.stringify(body) };
    const answer = await fetch(`${address}/v1/${path}`, sent);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const text = await answer.text();
    return text === '' ? {} : JSON.parse(text);
  };
  await ask('sys/mounts/roles', { type: 'role-secrets' });
  await ask('sys/auth/userpass', { type: 'userpass' });
  await ask('sys/policies/acl/kv', { policy: 'path "secret/data/bench/*" { capabilities = ["read"] }' });
  const password = 'a-password-of-the-bench';
  await ask('auth/userpass/users/bench', { password, token_policies: ['kv'] });
  const login = await ask('auth/userpass/login/bench', { password });
  const token = login.auth.client_token;
  const data = { password: 'correct horse battery staple' };
  for (let n = 0; n < secrets; n++) {
    await ask(`secret/data/bench/${n}`, { data });
    await ask(`roles/data/bench/${n}`, { data, roles: ['userpass/bench', 'userpass/other'] });
  }
  const loads = ['secret/data/bench/', 'roles/data/bench/'].map((path, index) =>
    script(`read-${index}`, token, path),
  );
  const at = `${address}/`;
  for (const each of loads) await load(server.pid, at, { connections: 64, seconds: 2, script: each });
  const results = loads.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of loads.entries())
      results[index].push(await load(server.pid, at, { connections: 64, seconds, script: each }));
  }
  const [kv, roles] = results;
  const ratios = roles
    .map((one, round) => one.perCpuSecond / kv[round].perCpuSecond)
    .toSorted((a, b) => a - b);
  console.log(`node ${process.version}; per CPU-second of the server process, medians of ${rounds} rounds\n`);
  console.log(`kv v2 read            ${Math.round(median(kv.map((one) => one.perCpuSecond)))}/cpu-s`);
  console.log(
    `role-secrets read     ${Math.round(median(roles.map((one) => one.perCpuSecond)))}/cpu-s  ${median(ratios).toFixed(3)}  >= 0.90  ${ratios[0].toFixed(2)} to ${ratios.at(-1).toFixed(2)}`,
  );
} finally {
  await stop(server);
  rmSync(directory, { recursive: true, force: true });
}

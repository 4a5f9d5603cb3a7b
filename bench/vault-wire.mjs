// What of Vault's wire writes to the store, beside kv v2 writes of the same run: making tokens, and wrapping with unwrapping.
// `--quick` for a short look.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeStore, serve } from './places.mjs';
import { load, median, stop } from './processes.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 5 : 15;
const seconds = quick ? 1 : 2;
const directory = mkdtempSync(join(tmpdir(), 'coffer-wire-'));

const post = (token) => `wrk.method = "POST"
wrk.headers["X-Vault-Token"] = "${token}"
wrk.headers["Content-Type"] = "application/json"
`;

const spreadWrites = `wrk.body = '{"data":{"password":"correct horse battery staple"}}'
local n = 0
request = function()
  n = (n + 1) % 10000
  return wrk.format(nil, "/v1/secret/data/wire/" .. n)
end
`;

const tokenCreate = (body) => `wrk.body = '${JSON.stringify(body)}'
request = function()
  return wrk.format(nil, "/v1/auth/token/create")
end
`;

/** Wraps where no wrapping token is at hand, else unwraps one: as many of the one as of the other. */
const wrapAndUnwrap = (token) => `local waiting = {}
local authorised = { ["X-Vault-Token"] = "${token}", ["Content-Type"] = "application/json" }
local wrapping = { ["X-Vault-Token"] = "${token}", ["Content-Type"] = "application/json", ["X-Vault-Wrap-TTL"] = "300" }
local wrap
request = function()
  local wrapped = table.remove(waiting)
  if wrapped == nil then
    wrap = wrap or wrk.format("POST", "/v1/sys/wrapping/wrap", wrapping, '{"password":"correct horse battery staple"}')
    return wrap
  end
  return wrk.format("POST", "/v1/sys/wrapping/unwrap", authorised, '{"token":"' .. wrapped .. '"}')
end
response = function(status, headers, body)
  local wrapped = string.match(body, '"wrap_info":{"token":"([^"]+)"')
  if wrapped ~= nil then table.insert(waiting, wrapped) end
end
`;

function loadOf(name, url, text) {
  const script = join(directory, `${name}.lua`);
  writeFileSync(script, text, { mode: 0o600 });
  return { url, script };
}

/** `costs` are of requests, in writes; `budget` says which way is better. */
function row(name, perSecond, ratios, budget) {
  const shown = ratios.toSorted((a, b) => a - b);
  const span = `${shown[0].toFixed(2)} to ${shown.at(-1).toFixed(2)}`;
  console.log(
    `${name.padEnd(40)} ${`${Math.round(perSecond)}/s`.padStart(10)} ${median(shown).toFixed(3).padStart(8)}  ${budget}  ${span}`,
  );
}

const place = await makeStore(directory);
const { server, address } = await serve(place);
try {
  const { token } = place;
  const at = `${address}/`;
  const loads = [
    loadOf('write', at, post(token) + spreadWrites),
    loadOf('service', at, post(token) + tokenCreate({ policies: ['default'], ttl: '1h' })),
    loadOf('batch', at, post(token) + tokenCreate({ policies: ['default'], ttl: '1h', type: 'batch' })),
    loadOf('wrap', at, wrapAndUnwrap(token)),
  ];
  const results = loads.map(() => []);
  for (const { url, script } of loads) await load(server.pid, url, { connections: 64, seconds: 1, script });
  for (let round = 0; round < rounds; round++) {
    for (const [index, { url, script }] of loads.entries()) {
      results[index].push(await load(server.pid, url, { connections: 64, seconds, script }));
    }
  }
  const [writes, services, batches, wraps] = results;
  const beside = (result, ratio) =>
    result.map((one, round) => ratio(one.perCpuSecond, writes[round].perCpuSecond));
  const perSecond = (result) => median(result.map((one) => one.perSecond));
  console.log(`node ${process.version}; CPU time of the server process, medians of ${rounds} rounds\n`);
  row(
    'kv v2 write',
    perSecond(writes),
    beside(writes, () => 1),
    '',
  );
  row(
    'token create, as often as a write',
    perSecond(services),
    beside(services, (one, write) => one / write),
    '>= 0.90',
  );
  row(
    'batch token, as often as a write',
    perSecond(batches),
    beside(batches, (one, write) => one / write),
    '>= 0.90',
  );
  row(
    'wrap and unwrap, in writes',
    perSecond(wraps) / 2,
    beside(wraps, (one, write) => (2 * write) / one),
    '<= 2.50',
  );
} finally {
  await stop(server);
  rmSync(directory, { recursive: true, force: true });
}

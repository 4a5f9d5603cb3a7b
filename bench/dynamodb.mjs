// kv on a store in DynamoDB Local, beside bare servers that ask the same DynamoDB Local one thing a request. What the tests
// installed is used. `--quick`: fewer rounds.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { serve } from './places.mjs';
import { freePort, median, stop } from './processes.mjs';
import { interleave, startBare } from './throughput.mjs';

const rounds = process.argv.includes('--quick') ? 3 : 11;
const region = 'eu-central-1';
const TableName = 'coffer-bench';
const library = fileURLToPath(
  new URL('../node_modules/.cache/coffer-dynamodb-local-2.6.1/lib', import.meta.url),
);
if (!existsSync(library)) {
  console.log(
    `${library} is missing: npx vitest run --project unit src/storage/dynamodb/dynamodb.test.ts installs it`,
  );
  process.exit(1);
}
// For the bare servers, which inherit it, and for ours.
process.env.AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
process.env.AWS_SECRET_ACCESS_KEY = 'of-a-bench';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
const directory = mkdtempSync(join(tmpdir(), 'coffer-dynamodb-'));

function row(name, value, ratio = '', budget = '') {
  console.log(`${name.padEnd(44)} ${value.padStart(16)} ${ratio.padStart(8)}  ${budget}`);
}

function script(name, text) {
  writeFileSync(join(directory, name), text, { mode: 0o600 });
  return join(directory, name);
}

async function startLocal() {
  const port = await freePort();
  const main = 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner';
  const words = [
    `-Djava.library.path=${library}`,
    '-cp',
    `${library}/*`,
    main,
    '-inMemory',
    '-disableTelemetry',
  ];
  const child = spawn('java', ['-Xmx512m', ...words, '-port', String(port)], {
    cwd: directory,
    stdio: 'ignore',
  });
  const endpoint = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries++) {
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answered) return { child, endpoint };
    await pause(100);
  }
  await stop(child);
  throw new Error('DynamoDB Local did not start');
}

async function throughputs(endpoint) {
  const env = {
    HOME: directory,
    XDG_CONFIG_HOME: join(directory, 'config'),
    XDG_DATA_HOME: join(directory, 'data'),
    COFFER_STORAGE: `dynamodb:${TableName}?region=${region}&endpoint=${endpoint}&recovery=off`,
  };
  const { server, address } = await serve({ env }, ['--init', '--root-token-file', join(directory, 'token')]);
  const token = readFileSync(join(directory, 'token'), 'utf8').trim();
  const authorised = `wrk.headers["X-Vault-Token"] = "${token}"\n`;
  const body = '{"data":{"password":"correct horse battery staple"}}';
  const post = `wrk.method = "POST"
wrk.body = '${body}'
wrk.headers["Content-Type"] = "application/json"
`;
  const spread = `local n = 0
request = function()
  n = (n + 1) % 10000
  return wrk.format(nil, "/v1/secret/data/bench/" .. n)
end
`;
  const secret = `${address}/v1/secret/data/app/database`;
  const headers = { 'X-Vault-Token': token };
  const bares = [];
  const bare = async (kind) => {
    const { child, url } = await startBare('./baseline-dynamodb.mjs', [endpoint, region, TableName, kind]);
    bares.push(child);
    return { pid: child.pid, url };
  };
  try {
    await fetch(secret, { method: 'POST', headers, body });
    const answer = Buffer.from(await (await fetch(secret, { headers })).text());
    const Item = { root: { S: 'bare' }, key: { S: 'one' }, v: { B: answer } };
    await new DynamoDBClient({ endpoint, region }).send(new PutItemCommand({ TableName, Item }));
    for (const [ours, baseline, budget, connections] of [
      [
        { name: 'coffer read', url: secret, script: script('read.lua', authorised) },
        { name: 'bare http + one GetItem', ...(await bare('read')), script: script('bare.lua', '') },
        '>= 0.80',
        32,
      ],
      [
        { name: 'coffer write', url: `${address}/`, script: script('write.lua', authorised + post + spread) },
        {
          name: 'bare http + one TransactWriteItems',
          ...(await bare('write')),
          script: script('put.lua', post),
        },
        '>= 0.35',
        32,
      ],
    ]) {
      const wish = { connections, rounds, seconds: 2 };
      const [mine, theirs] = await interleave({ ...ours, pid: server.pid }, [baseline], wish);
      row(mine.name, `${Math.round(mine.perCpuSecond)}/cpu-s`, '', `${Math.round(mine.perSecond)}/s`);
      const span = `${theirs.ratios[0].toFixed(2)} to ${theirs.ratios.at(-1).toFixed(2)}`;
      row(
        `  beside ${theirs.name}`,
        `${Math.round(theirs.perCpuSecond)}/cpu-s`,
        median(theirs.ratios).toFixed(3),
        `${budget}  ${span}  ${Math.round(theirs.perSecond)}/s`,
      );
    }
  } finally {
    for (const child of bares) await stop(child);
    await stop(server);
  }
}

const local = await startLocal();
try {
  console.log(
    `node ${process.version}; requests per CPU-second of the server process, medians of ${rounds} rounds\n`,
  );
  await throughputs(local.endpoint);
} finally {
  await stop(local.child);
  rmSync(directory, { recursive: true, force: true });
}

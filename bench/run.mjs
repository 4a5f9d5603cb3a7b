// Speed and memory, as ratios against baselines of the same run. `--quick` for a short look.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appRoleLogins, passwordLogins } from './logins.mjs';
import { freePort, startNode, stop } from './processes.mjs';
import { startUp } from './start-up.mjs';
import { throughput } from './throughput.mjs';

const quick = process.argv.includes('--quick');
const coffer = fileURLToPath(new URL('../bin/coffer.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'coffer-bench-'));
const env = {
  XDG_CONFIG_HOME: join(directory, 'config'),
  XDG_DATA_HOME: join(directory, 'data'),
  HOME: directory,
};
const address = `http://127.0.0.1:${await freePort()}`;

function row(name, value, ratio = '', budget = '') {
  console.log(`${name.padEnd(40)} ${value.padStart(14)} ${ratio.padStart(8)}  ${budget}`);
}

/** Of ratios in order. */
function middle(ratios) {
  return ratios[Math.floor(ratios.length / 2)].toFixed(3);
}

function span(ratios) {
  return `${ratios[0].toFixed(2)} to ${ratios.at(-1).toFixed(2)}`;
}

// As `npm start` does it: see docs/guide/running.md on the flag.
const server = await startNode(
  [
    '--max-semi-space-size=32',
    coffer,
    'server',
    '--init',
    '--listen',
    address.slice('http://'.length),
    '--log-level',
    'warn',
  ],
  /Serving on/,
  env,
);
try {
  const token = readFileSync(join(directory, 'config', 'coffer', 'token'), 'utf8').trim();
  const rounds = quick ? 3 : 15;
  const measured = await throughput({ server, address, token, directory, rounds, seconds: 2 });
  console.log(
    `node ${process.version}; requests per CPU-second of the server process, medians of ${rounds} rounds\n`,
  );
  for (const [group, budget] of [
    [measured.reads, '>= 0.20'],
    [measured.writes, '>= 0.30'],
  ]) {
    const [ours, ...baselines] = group;
    row(ours.name, `${Math.round(ours.perCpuSecond)}/cpu-s`, '', `${Math.round(ours.perSecond)}/s`);
    for (const { name, perCpuSecond, perSecond, ratios } of baselines) {
      const ratio = middle(ratios);
      const range = span(ratios);
      row(
        `  beside ${name}`,
        `${Math.round(perCpuSecond)}/cpu-s`,
        ratio,
        `${budget}  ${range}  ${Math.round(perSecond)}/s`,
      );
    }
  }
  row('RssAnon idle', `${measured.idle.toFixed(1)} MiB`, '', '<= 100 MiB');
  row('RssAnon after the load', `${measured.loaded.toFixed(1)} MiB`);
  const at = { server, address, token, directory, rounds, seconds: 2 };
  const roles = await appRoleLogins(at);
  row(
    'approle login beside kv write',
    `${Math.round(roles.perSecond)}/s`,
    middle(roles.ratios),
    `>= 0.50  ${span(roles.ratios)}  ${Math.round(roles.writesPerSecond)}/s`,
  );
  const people = await passwordLogins(at);
  row(
    'kv read p99 while people log in',
    `${people.busy.toFixed(2)} ms`,
    middle(people.ratios),
    `<= 3.00  ${span(people.ratios)}  ${people.quiet.toFixed(2)} ms quiet, ${people.loginsPerSecond.toFixed(1)} logins/s`,
  );
  const times = startUp({ address, token, rounds: quick ? 10 : 30 });
  const base = times['node -e 0'];
  row('node -e 0', `${base.toFixed(1)} ms`);
  row(
    'coffer version',
    `${times['coffer version'].toFixed(1)} ms`,
    (times['coffer version'] / base).toFixed(2),
    '<= 1.6',
  );
  row(
    'coffer get',
    `${times['coffer get'].toFixed(1)} ms`,
    (times['coffer get'] / base).toFixed(2),
    '<= 2.5',
  );
} finally {
  await stop(server);
  rmSync(directory, { recursive: true, force: true });
}

// Ten thousand applications with two targets each, rotated by the duty on a store on disk: what a pass costs when nothing is due, and how much sooner
// all are rotated than one after another, against targets that take 50 ms a call. `--quick` with a thousand.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from './places.mjs';
import { plainEnvironment } from './processes.mjs';

const quick = process.argv.includes('--quick');
const applications = quick ? 1_000 : 10_000;
const directory = mkdtempSync(join(tmpdir(), 'coffer-rotation-'));

function row(what, value, budget, met) {
  console.log(
    `${what.padEnd(58)} ${String(value).padStart(10)}  ${budget.padEnd(10)} ${met ? '' : 'MISSED'}`.trimEnd(),
  );
  if (!met) process.exitCode = 1;
}

try {
  const wish = { directory: join(directory, 'store'), applications, sample: quick ? 20 : 50, latency: 50 };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--max-semi-space-size=32', bundle('rotation'), JSON.stringify(wish)],
    { encoding: 'utf8', env: plainEnvironment() },
  );
  if (status !== 0) throw new Error(`the measured process ended with ${status}: ${stderr}`);
  const found = JSON.parse(stdout);
  const median = found.idle[found.idle.length >> 1];
  const { provider, target } = found.bounds;
  console.log(
    `node ${process.version}; ${applications} applications, two targets of ${wish.latency} ms each`,
  );
  row('a pass with nothing due, ms (median of 20)', median.toFixed(1), '<= 1000', median <= 1_000);
  row(
    'heap that 20 such passes leave, KiB',
    Math.round(found.grown / 1_024),
    '<= 1024',
    found.grown <= 1_048_576,
  );
  row('a look at one with nothing to do, ms', (found.looked / applications).toFixed(2), '', true);
  row('calls outside of all these looks', found.askedInVain, '= 0', found.askedInVain === 0);
  row('one after another, ms a rotation', found.alone.toFixed(1), '', true);
  row('by the duty, ms a rotation', found.together.toFixed(2), '', true);
  const ratio = found.alone / found.together;
  row('so many times sooner', ratio.toFixed(1), '>= 20', ratio >= 20);
  row('rotated', found.rotated, `= ${applications}`, found.rotated === applications);
  row(
    'most calls at a time, provider',
    found.most.provider,
    `<= ${provider}`,
    found.most.provider <= provider,
  );
  for (const place of ['fake:one', 'fake:two']) {
    row(`most calls at a time, ${place}`, found.most[place], `<= ${target}`, found.most[place] <= target);
  }
  row('the first rotation of all, s', (found.first / 1_000).toFixed(1), '', true);
  row('old ones retired, s', (found.retiring / 1_000).toFixed(1), '', true);
  row('looks that failed', found.failures, '= 0', found.failures === 0);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

// What a command costs beside starting Node: interleaved, wall-clock, medians.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, plainEnvironment } from './processes.mjs';

const coffer = fileURLToPath(new URL('../bin/coffer.js', import.meta.url));

export function startUp({ address, token, rounds }) {
  const env = plainEnvironment({ COFFER_ADDR: address, COFFER_TOKEN: token });
  const commands = {
    'node -e 0': ['-e', '0'],
    'coffer version': [coffer, 'version'],
    'coffer get': [coffer, 'get', 'app/database'],
  };
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, args] of Object.entries(commands)) {
      const begun = process.hrtime.bigint();
      const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
      times[name].push(Number(process.hrtime.bigint() - begun) / 1e6);
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}

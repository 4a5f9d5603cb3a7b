// Bundles and runs `decision.ts`: the decision alone, without HTTP, store or audit. `--quick` for a tenth of the policies.
import { spawnSync } from 'node:child_process';
import { bundle } from './places.mjs';
import { plainEnvironment } from './processes.mjs';

const { status } = spawnSync(process.execPath, [bundle('decision'), ...process.argv.slice(2)], {
  env: plainEnvironment(),
  stdio: 'inherit',
});
process.exitCode = status ?? 1;

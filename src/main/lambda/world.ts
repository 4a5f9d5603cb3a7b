/** What a function has around it when it is run by Lambda. */
import { systemClock } from '../../clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import { openLogger } from '../../log.ts';
import type { FunctionWorld } from './function-node.ts';
import { functionSettings } from './settings.ts';

/** Throws as `functionSettings` does. */
export function functionWorld(env: FunctionWorld['env']): FunctionWorld {
  const found = functionSettings(env);
  return {
    ...found,
    env,
    clock: systemClock,
    random: systemRandom,
    log: openLogger({
      level: found.settings.log.level,
      terminal: false,
      write: (line) => void process.stdout.write(line),
    }),
  };
}

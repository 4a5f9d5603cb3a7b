/** `coffer credstash`: credstash 1.17.1 in its own words. */
import type { Shell } from '../shell.ts';
import { verbs as getVerbs } from './get.ts';
import { verbs as nameVerbs } from './names.ts';
import { runProgram } from './program.ts';
import { verbs as putVerbs } from './put.ts';
import { globalOptions, Session } from './session.ts';
import { verbs as setupVerbs } from './setup.ts';
import { told } from './told.ts';
import type { Verbs } from './verb.ts';

const verbs: Verbs<Session> = { ...nameVerbs, ...getVerbs, ...putVerbs, ...setupVerbs };

/** @returns 0, 1 for what failed, 2 for what is wrong with the words. Never rejects. */
export function runCredstash(words: readonly string[], shell: Shell): Promise<number> {
  return runProgram(words, shell, {
    name: 'credstash',
    kind: 'argparse',
    globals: globalOptions,
    late: {},
    verbs,
    open: (given) => new Session(shell, given),
    misused: (message) => `credstash: error: ${message}`,
    failed: told,
  });
}

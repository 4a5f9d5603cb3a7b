/** `coffer credsmash`: credsmash 3 in its own words. */
import { runProgram } from '../credstash/program.ts';
import { told } from '../credstash/told.ts';
import { helpOption, type Verbs } from '../credstash/verb.ts';
import type { Shell } from '../shell.ts';
import { verbs as putVerbs } from './put.ts';
import { verbs as readVerbs } from './read.ts';
import { verbs as removeVerbs } from './remove.ts';
import { verbs as renderVerbs } from './render.ts';
import { Session } from './session.ts';
import { globalOptions } from './settings.ts';
import { verbs as setupVerbs } from './setup.ts';

const verbs: Verbs<Session> = { ...readVerbs, ...putVerbs, ...removeVerbs, ...renderVerbs, ...setupVerbs };

/** @returns 0, 1 for what failed, 2 for what is wrong with the words. Never rejects. */
export function runCredsmash(words: readonly string[], shell: Shell): Promise<number> {
  return runProgram(words, shell, {
    name: 'credsmash',
    kind: 'click',
    globals: { ...globalOptions, ...helpOption },
    late: globalOptions,
    verbs,
    open: (given) => new Session(shell, given),
    misused: (message) => `Error: ${message}`,
    failed: (error) => `Error: ${told(error)}`,
  });
}

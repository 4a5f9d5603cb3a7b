/** Giving what there is although some of it could not be read, because somebody asked for that. */
import { exitCodeOf } from '../errors.ts';
import type { OnFailure } from './read-secrets.ts';
import type { Shell } from './shell.ts';

/** Names each one that is left out. The command then ends with the code of the first, so that no script takes it for all. */
export function partly(shell: Shell): OnFailure {
  let told = false;
  return (name, error) => {
    shell.ui.warn(`${name} is left out: ${error.message}`);
    if (!told) shell.endWith(exitCodeOf(error.code));
    told = true;
  };
}

import { systemClock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { createFileSafe } from '../../file-safe/create.ts';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { newPassphrase } from '../key-input.ts';
import { diskPath, keyfilePath } from '../open-disk-safe.ts';
import { readPrivateText } from '../private-text.ts';
import { parseSafe } from '../safe.ts';
import type { Shell } from '../shell.ts';

const init = defineCommand({
  summary: 'Make a safe in a directory of its own',
  details: [
    'The safe opens with a keyfile, which is made beside your other settings unless --keyfile names a place, or with a ' +
      'passphrase. With both, either opens it. Back up directory and keyfile apart from each other: without keyfile and ' +
      'passphrase nobody can open the safe.',
    'No server and no policy stands before it, and there is no audit log: who has the files and a key has everything.',
  ],
  operands: { SAFE: 'one' },
  options: {
    passphrase: { type: 'flag', help: 'open it with a passphrase, which is asked for' },
    'passphrase-file': { type: 'text', value: 'FILE', help: 'take the passphrase from FILE or -' },
    keyfile: { type: 'text', value: 'FILE', help: 'where the keyfile goes' },
  },
  examples: ['coffer safe init file:~/secrets', 'coffer safe init file:/srv/secrets --passphrase'],
  async run({ options, operands }, shell) {
    const { file } = parseSafe(operands.SAFE);
    if (file === undefined) throw usageError('safe init', 'name a directory: file:PATH');
    const path = diskPath(shell.places, file);
    const passphrase = await wantedPassphrase(shell, options);
    const withKeyfile = passphrase === undefined || options.keyfile !== undefined;
    const made = await createFileSafe({
      path,
      passphrase,
      keyfile: withKeyfile ? (id) => keyfilePath(shell, options.keyfile, id) : undefined,
      clock: { ...systemClock, now: () => shell.now() },
    });
    const key = made.keyfile === undefined ? 'with its passphrase' : `with ${made.keyfile}`;
    shell.ui.done(`a safe was made in ${path}; it opens ${key}. Keep both, apart from each other`, {
      path,
      id: made.id,
      keyfile: made.keyfile ?? null,
      passphrase: passphrase !== undefined,
    });
  },
});

async function wantedPassphrase(
  shell: Shell,
  { passphrase, 'passphrase-file': file }: { passphrase: boolean; 'passphrase-file': string | undefined },
): Promise<string | undefined> {
  if (file !== undefined) return readPrivateText(shell, file);
  if (!passphrase) return undefined;
  if (!shell.stdin.isTTY) {
    throw new CofferError(
      'usage',
      'nobody can be asked for a passphrase: name a file with --passphrase-file FILE or -',
    );
  }
  return newPassphrase(shell);
}

export const command: CommandGroup = {
  summary: 'Make a safe on disk, for use without a server',
  commands: { init },
};

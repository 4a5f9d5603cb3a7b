import { resolve } from 'node:path';
import { systemClock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { createFileSafe } from '../../file-safe/create.ts';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { newPassphrase } from '../key-input.ts';
import { diskPath, diskSafeKeys, keyfilePath } from '../open-disk-safe.ts';
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

const addKeyCommand = defineCommand({
  summary: 'Give a safe one more key',
  details: [
    'A second keyfile, to be kept elsewhere, or a passphrase: from then on each of them opens the safe, and losing one is not the end. ' +
      'The safe is opened with the key that it has: its keyfile, or its passphrase, which is asked for.',
  ],
  operands: { SAFE: 'one' },
  options: {
    passphrase: { type: 'flag', help: 'the new key is a passphrase, which is asked for' },
    'passphrase-file': { type: 'text', value: 'FILE', help: 'it is the passphrase in FILE or -' },
    keyfile: { type: 'text', value: 'FILE', help: 'it is a keyfile, which is made there' },
    'with-keyfile': { type: 'text', value: 'FILE', help: 'the keyfile that opens the safe now' },
    'with-passphrase-file': { type: 'text', value: 'FILE', help: 'the passphrase that opens it now' },
  },
  examples: [
    'coffer safe add-key file:~/secrets --keyfile /media/usb/secrets.keyfile',
    'coffer safe add-key file:~/secrets --passphrase',
  ],
  async run({ options, operands }, shell) {
    const { file } = parseSafe(operands.SAFE);
    if (file === undefined) throw usageError('safe add-key', 'name a directory: file:PATH');
    const { passphrase, 'passphrase-file': passphraseFile, keyfile } = options;
    const wanted = [passphrase || undefined, passphraseFile, keyfile].filter((each) => each !== undefined);
    if (wanted.length !== 1) {
      throw usageError('safe add-key', 'say one of --keyfile, --passphrase and --passphrase-file');
    }
    const path = diskPath(shell.places, file);
    const now = { keyfile: options['with-keyfile'], 'passphrase-file': options['with-passphrase-file'] };
    const { addKey } = await import('../../file-safe/add-key.ts');
    const count = await addKey({
      path,
      keys: diskSafeKeys(shell, path, now, true),
      add:
        keyfile === undefined
          ? { kind: 'passphrase', passphrase: () => requiredPassphrase(shell, options) }
          : { kind: 'keyfile', path: resolve(keyfile) },
    });
    const key = keyfile === undefined ? 'a passphrase' : keyfile;
    shell.ui.done(`the safe in ${path} opens with ${key} too; it has ${count} keys`, {
      path,
      keyfile: keyfile ?? null,
      keys: count,
    });
  },
});

async function requiredPassphrase(
  shell: Shell,
  options: Parameters<typeof wantedPassphrase>[1],
): Promise<string> {
  const passphrase = await wantedPassphrase(shell, options);
  if (passphrase === undefined)
    throw usageError('safe add-key', '--passphrase or --passphrase-file is missing');
  return passphrase;
}

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
  summary: 'Make a safe on disk, for use without a server, and give it keys',
  commands: { init, 'add-key': addKeyCommand },
};

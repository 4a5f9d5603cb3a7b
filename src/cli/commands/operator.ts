import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { connect, connectAnonymously } from '../context.ts';
import { hostProgram } from '../host-program.ts';
import { InitFiles } from '../init-files.ts';
import { serverOptions } from '../options.ts';
import { printStatus } from '../print-status.ts';
import { askHidden, isInteractive, readAll } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import type { Ui } from '../ui.ts';
import { generateRoot } from './operator-generate-root.ts';
import { keyStatus, rekey, rotate } from './operator-keys.ts';
import { nodes } from './operator-nodes.ts';
import { slots } from './operator-slots.ts';

const init = defineCommand({
  summary: 'Make a store, and print its shares and root token once',
  details: [
    'The shares open the store whenever it is sealed: give each to another keeper. They and the root token are ' +
      'shown this once. With --output-dir they are written to files for their owner only, and not printed.',
  ],
  operands: {},
  options: {
    shares: { type: 'integer', value: 'N', help: 'how many shares to make (5)' },
    threshold: {
      type: 'integer',
      value: 'N',
      help: 'how many of them open the store (3, or all if there are fewer)',
    },
    'output-dir': { type: 'text', value: 'DIR', help: 'write share-1, share-2, … and root-token into DIR' },
    ...serverOptions,
  },
  async run({ options }, shell) {
    const shares = options.shares ?? 5;
    const threshold = options.threshold ?? Math.min(3, shares);
    checkShares(shares, threshold);
    const client = connectAnonymously(shell, options);
    const files =
      options['output-dir'] === undefined ? undefined : new InitFiles(options['output-dir'], shares);
    let made: Made;
    try {
      const answer = await client.request('PUT', 'sys/init', {
        body: { secret_shares: shares, secret_threshold: threshold },
      });
      made = madeOf(answer.body);
    } catch (error) {
      files?.discard();
      throw error;
    }
    deliver(shell.ui, files, made, threshold);
  },
});

const unseal = defineCommand({
  summary: 'Open a sealed server with shares',
  details: [
    'Shares are asked for without showing them, or read from standard input, one a line.',
    'With --kms, on the host of the data directory or of another storage, KMS unwraps the key: of a store that was sealed on purpose, or one whose server ' +
      'may not ask KMS. KMS key and storage are those of the server’s settings (COFFER_SEAL, COFFER_STORAGE, COFFER_CONFIG).',
  ],
  operands: {},
  options: {
    reset: { type: 'flag', help: 'forget the shares given so far' },
    kms: { type: 'flag', help: 'open an awskms slot of the store here' },
    data: {
      type: 'text',
      value: 'DIR',
      help: 'data directory of --kms (COFFER_DATA; ~/.local/share/coffer)',
    },
    storage: {
      type: 'text',
      value: 'URL',
      help: 'with --kms: the store, where it is not in the data directory (COFFER_STORAGE, or COFFER_CONFIG)',
    },
    ...serverOptions,
  },
  async run(input, shell) {
    const { options } = input;
    if (options.kms)
      return (await hostProgram(shell, 'operator unseal', 'give the shares')).run(input, shell);
    if (options.data !== undefined || options.storage !== undefined)
      throw usageError('operator unseal', '--data and --storage go with --kms');
    const client = connectAnonymously(shell, options);
    if (options.reset) return printStatus(shell.ui, await postUnseal(client, { reset: true }));
    let status = objectOf((await client.request('GET', 'sys/seal-status')).body);
    if (status['initialized'] === false) {
      throw new CofferError(
        'not_initialized',
        'the server has no store yet; `coffer operator init` makes one',
      );
    }
    const piped = isInteractive(shell) ? undefined : await pipedShares(shell);
    while (status['sealed'] !== false) {
      const share =
        piped === undefined ? await askHidden(shell, `share (${progress(status)})`) : piped.shift();
      if (share === undefined) break;
      status = await postUnseal(client, { key: share.trim() });
    }
    printStatus(shell.ui, status);
    if (status['sealed'] === false) shell.ui.talk('the server is unsealed');
    else shell.ui.talk(`still sealed: ${progress(status)}`);
  },
});

const seal = defineCommand({
  summary: 'Close the server until it is unsealed again',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    const client = await connect(shell, options);
    await client.request('PUT', 'sys/seal');
    shell.ui.done('the server is sealed', { sealed: true });
  },
});

export const command: CommandGroup = {
  summary: 'Initialise, unseal, seal and back up a server',
  commands: {
    init,
    unseal,
    seal,
    slots,
    'generate-root': generateRoot,
    rekey,
    rotate,
    'key-status': keyStatus,
    nodes,
  },
  brought: {
    backup: 'Write a backup of a store, while it is served or from its directory',
    'verify-backup': 'Check that a backup is whole and that every record in it opens',
    restore: 'Make a store out of a backup, in an empty place',
    'restore-drill': 'Restore the newest backup into memory, prove it, and throw it away',
    migrate: 'Move a whole store from one storage to another',
  },
};

interface Made {
  readonly shares: readonly string[];
  readonly rootToken: string;
}

/** Refused here so that a mistyped number makes no store: 255 is what one byte of x coordinate allows. */
function checkShares(shares: number, threshold: number): void {
  if (shares < 1 || shares > 255 || threshold < 1 || threshold > shares) {
    throw usageError('operator init', '--shares must be 1 to 255, and --threshold at most as many');
  }
  if (threshold === 1 && shares > 1) {
    throw usageError(
      'operator init',
      'with --threshold 1 every share would be the key itself; use --shares 1',
    );
  }
}

function madeOf(body: JsonValue | undefined): Made {
  const answer = objectOf(body);
  const shares = answer['keys_base64'];
  return {
    shares: Array.isArray(shares) ? shares.map(String) : [],
    rootToken: String(answer['root_token'] ?? ''),
  };
}

/** The shares exist nowhere else by now: what cannot be written to a file is printed rather than lost. */
function deliver(ui: Ui, files: InitFiles | undefined, made: Made, threshold: number): void {
  try {
    if (files === undefined) {
      printMade(ui, made);
    } else {
      files.fill(made);
      const { directory } = files;
      const shares = made.shares.length;
      ui.done(`wrote ${shares} shares and the root token to ${directory}`, { directory, shares, threshold });
    }
  } catch (error) {
    printMade(ui, made);
    throw error;
  } finally {
    ui.talk(
      `any ${threshold} of the ${made.shares.length} shares open the store; keep them apart, they are not shown again`,
    );
  }
}

function printMade(ui: Ui, made: Made): void {
  const shares = made.shares.map((share, index): [string, string] => [`share ${index + 1}`, share]);
  ui.record([...shares, ['root token', made.rootToken]], { shares: made.shares, root_token: made.rootToken });
}

async function pipedShares(shell: Shell): Promise<string[]> {
  const lines = (await readAll(shell, 64 * 1024)).toString('utf8').split('\n');
  const shares = lines.map((line) => line.trim()).filter((line) => line !== '');
  if (shares.length === 0) throw new CofferError('usage', 'there are no shares on standard input');
  return shares;
}

async function postUnseal(client: Client, body: JsonObject): Promise<JsonObject> {
  return objectOf((await client.request('PUT', 'sys/unseal', { body })).body);
}

function progress(status: JsonObject): string {
  return `${String(status['progress'] ?? 0)} of ${String(status['t'] ?? '?')} given`;
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

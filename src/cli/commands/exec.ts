import { CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { childEnvironment } from '../child-environment.ts';
import { defineCommand } from '../command.ts';
import { openSafeAs } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { type Field, flatText, type NamedSecret } from '../format/format.ts';
import { partialOption, safeOptions } from '../options.ts';
import { partly } from '../partly.ts';
import { eachSecret, readSecrets } from '../read-secrets.ts';
import type { ChildEnd } from '../run-child.ts';
import type { Shell } from '../shell.ts';
import { Variables, type VariableWishes, variableOptions, variablesOf } from '../variables.ts';

/** Bytes of arguments and environment that Linux passes at most, whatever its limits are set to (execve(2)); others pass less. */
const mostEnvironment = 6 * 1024 * 1024;
/** Bytes of one variable on Linux (MAX_ARG_STRLEN), with its name, `=` and the NUL behind it. */
const mostOfOne = 128 * 1024;

export const command = defineCommand({
  summary: 'Run a program with secrets in its environment',
  details: [
    'Each field of each secret is a variable of its own name; a bare value is named for its secret. NAME/ is all ' +
      'secrets below it. Names that no variable can have, two fields with one name, and variables that steer ' +
      'programs (PATH, LD_PRELOAD) are refused; --upper maps names, --only picks fields.',
    'The program has our streams, gets our signals, and its exit code is ours: 128 and the number for a signal, ' +
      '126 and 127 when it cannot be started. Our own token does not reach it, unless --keep-token says so.',
    '--cache keeps an encrypted copy in FILE, for when the server does not answer; never for when it refuses. ' +
      'Its key is a file in your configuration; both together give the secrets away.',
  ],
  operands: { NAME: 'some', COMMAND: 'behind' },
  options: {
    ...variableOptions,
    pristine: { type: 'flag', help: 'pass on nothing but the secrets' },
    'keep-token': { type: 'flag', help: 'pass on COFFER_TOKEN and VAULT_TOKEN too' },
    cache: { type: 'text', value: 'FILE', help: 'keep a copy for when the server is away' },
    'cache-ttl': { type: 'text', value: 'TTL', help: 'the most a copy may be old (24h)' },
    ...partialOption,
    ...safeOptions,
  },
  examples: [
    'coffer exec shop/db -- ./server --port 8080',
    'coffer exec shop/ --upper --prefix SHOP_ -- env',
    'coffer exec shop/db --cache ~/.cache/shop.secrets --cache-ttl 12h -- ./server',
  ],
  async run({ options, operands }, shell) {
    if (options['cache-ttl'] !== undefined && options.cache === undefined) {
      throw usageError('exec', '--cache-ttl goes with --cache');
    }
    if (options.partial && options.cache !== undefined) {
      throw usageError('exec', '--partial and --cache do not go together: a copy must be whole');
    }
    const ttl = parseDuration(options['cache-ttl'] ?? '24h', '--cache-ttl');
    const { safe, token } = await openSafeAs(shell, options);
    const variables =
      options.cache === undefined
        ? await environmentOf(
            eachSecret(safe, operands.NAME, options.partial ? partly(shell) : undefined),
            options,
          )
        : variablesOf(
            await fromCache(
              shell,
              options.cache,
              { ttl, token, subject: [safe.identity, ...operands.NAME] },
              () => readSecrets(safe, operands.NAME),
            ),
            options,
            true,
          );
    // A connection held open would outlive its use by as long as the child runs.
    safe[Symbol.dispose]();
    const env = childEnvironment(variables, shell.env, {
      pristine: options.pristine,
      keepToken: options['keep-token'],
    });
    const [program = '', ...args] = operands.COMMAND;
    const { runChild } = await import('../run-child.ts');
    tellEnd(shell, await runChild({ command: program, args, env, searchPath: shell.env['PATH'] }), env);
  },
});

/**
 * An environment is there as a whole, so that it is read as a whole: up to what a system passes on, and no further.
 *
 * @throws `payload_too_large`
 */
async function environmentOf(
  secrets: AsyncIterable<NamedSecret>,
  wishes: VariableWishes,
): Promise<readonly Field[]> {
  const variables = new Variables(wishes, true);
  const fields: Field[] = [];
  let bytes = 0;
  for await (const secret of secrets) {
    for (const field of variables.of(secret)) {
      // `NAME=value`, a NUL behind it, and a pointer to it.
      bytes += Buffer.byteLength(field.name) + Buffer.byteLength(flatText(field.value)) + 10;
      fields.push(field);
    }
    if (bytes > mostEnvironment) {
      throw new CofferError(
        'payload_too_large',
        'the program was not started: these secrets are more than the 6 MiB that a system passes to a program at most; ' +
          'name fewer, pick fields with --only, or write them to a file with `coffer export --output`',
      );
    }
  }
  variables.end();
  return fields;
}

async function fromCache(
  shell: Shell,
  file: string,
  { ttl, token, subject }: { ttl: number; token: string | undefined; subject: readonly string[] },
  read: () => Promise<readonly NamedSecret[]>,
): Promise<readonly NamedSecret[]> {
  const { readLastGood } = await import('../last-good.ts');
  const keyFile = `${shell.places.config}/exec-cache.key`;
  return readLastGood(shell, { file, keyFile, subject: JSON.stringify(subject), token }, ttl, read);
}

function tellEnd(shell: Shell, end: ChildEnd, env: Readonly<Record<string, string>>): void {
  if (end.kind === 'ended') {
    shell.endWith(end.code);
    return;
  }
  const reasons = {
    missing: 'there is no such program',
    forbidden: 'the program may not be executed',
    'too-large': `its arguments and environment are larger than the system takes${tooLong(env)}`,
    other: 'the system could not start it',
  } as const satisfies Record<typeof end.reason, string>;
  shell.endWith(end.reason === 'missing' ? 127 : 126);
  // The code of our own table would say less than the one that shells give.
  shell.ui.fail(new CofferError('usage', `the program was not started: ${reasons[end.reason]}`));
}

/** Names the variables that are too long by themselves, on Linux. */
function tooLong(env: Readonly<Record<string, string>>): string {
  const names = Object.entries(env)
    .filter(([name, value]) => Buffer.byteLength(name) + Buffer.byteLength(value) + 2 > mostOfOne)
    .map(([name]) => name);
  if (process.platform !== 'linux' || names.length === 0) return '';
  return `: one variable may have 128 KiB there, and longer are ${names.join(', ')}`;
}

import { asCofferError, CofferError } from '../../errors.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { safeOptions } from '../options.ts';
import { readDocument, readVariables } from '../render/input.ts';
import { parseManifest } from '../render/manifest.ts';
import { parseMode } from '../render/mode.ts';
import { type Notice, parseCommand, parseSignal, tell } from '../render/notice.ts';
import type { Order } from '../render/order.ts';
import { parseOwner } from '../render/owner.ts';
import { planAll, type RenderWishes, tellPlans, writeAll } from '../render/pass.ts';
import type { SecretSafe } from '../secret-safe.ts';
import type { Shell } from '../shell.ts';

export const command = defineCommand({
  summary: 'Write secrets into files by templates',
  details: [
    "A template is text in Jinja's language: {{ secrets['shop/db'].password }}, {{ secrets.token | sh }}. A secret that is not " +
      'there is an error, and nothing is written then. Only secrets that the template comes by are read.',
    'A new file is 0600; a file that is there keeps its mode and owner unless told. A manifest is a JSON or YAML list of ' +
      'entries with source (a template) or secret (a name), destination, and perhaps mode, owner and group.',
    '--check writes nothing: it says which files would change and ends with 1 if any would, with 0 if none. --watch renders ' +
      'again and again, and writes what changed. --signal and --exec tell a program of each change.',
  ],
  operands: { TEMPLATE: 'optional' },
  options: {
    output: { type: 'text', short: 'o', value: 'FILE', help: 'write to FILE in place of printing' },
    manifest: { type: 'text', value: 'FILE', help: 'render all that FILE lists' },
    vars: { type: 'text', value: 'FILE', help: "the template's variables: a JSON or YAML map" },
    'secrets-name': { type: 'text', value: 'NAME', help: 'what the template calls the secrets (secrets)' },
    'name-format': { type: 'text', value: 'TEXT', help: 'how a key becomes a name, such as prod/{0}' },
    mode: { type: 'text', value: 'MODE', help: 'of the file, such as 0640' },
    owner: { type: 'text', value: 'USER', help: 'of the file: a name or a number' },
    group: { type: 'text', value: 'GROUP', help: 'of the file: a name or a number' },
    follow: { type: 'flag', help: 'write to the file that a link names' },
    check: { type: 'flag', help: 'only say what would change' },
    watch: { type: 'flag', help: 'go on rendering, and write what changed' },
    interval: { type: 'text', value: 'TIME', help: 'with --watch: time between two looks (60s)' },
    signal: { type: 'text', value: 'NAME', help: 'send it after a change to the process in --pid-file' },
    'pid-file': { type: 'text', value: 'FILE', help: 'holds the number of a process' },
    exec: { type: 'text', value: 'COMMAND', help: 'run it after a change, without a shell' },
    ...safeOptions,
  },
  examples: [
    'coffer render app.conf.j2 -o /etc/app.conf --mode 0640 --group app',
    'coffer render --manifest files.yml --check',
    "coffer render app.conf.j2 -o app.conf --watch --exec 'systemctl reload app'",
  ],
  async run({ options, operands }, shell) {
    refuseContradictions(operands.TEMPLATE, options);
    const notice = noticeOf(options);
    const interval = parseDuration(options.interval ?? '60s', '--interval');
    if (interval < 1) throw usageError('render', '--interval must be 1s or more');
    const wishes: RenderWishes = {
      orders: await ordersOf(shell, operands.TEMPLATE, options),
      variables: options.vars === undefined ? {} : await readVariables(shell, options.vars),
      secretsName: options['secrets-name'],
      nameFormat: options['name-format'],
    };
    const safe = await openSafe(shell, options);
    if (options.check) {
      const changes = tellPlans(shell, await planAll(shell, safe, wishes));
      if (changes > 0) shell.endWith(1);
      return;
    }
    const problem = await renderOnce(shell, safe, wishes, notice);
    if (options.watch) await watch(shell, safe, wishes, notice, interval, problem);
    else if (problem !== undefined)
      throw new CofferError('unavailable', `the files were written, but ${problem}`);
  },
});

interface Wishes {
  readonly output: string | undefined;
  readonly manifest: string | undefined;
  readonly 'secrets-name': string | undefined;
  readonly mode: string | undefined;
  readonly owner: string | undefined;
  readonly group: string | undefined;
  readonly follow: boolean;
  readonly check: boolean;
  readonly watch: boolean;
  readonly interval: string | undefined;
  readonly signal: string | undefined;
  readonly 'pid-file': string | undefined;
  readonly exec: string | undefined;
}

function refuseContradictions(template: string | undefined, options: Wishes): void {
  const { manifest, output, check, watch } = options;
  if ((template === undefined) === (manifest === undefined)) {
    throw usageError('render', 'give one TEMPLATE (- is standard input), or --manifest FILE');
  }
  const ofFile = (['mode', 'owner', 'group'] as const).find((name) => options[name] !== undefined);
  const ofOne = output === undefined ? ofFile : 'output';
  if (manifest !== undefined && ofOne !== undefined) {
    throw usageError('render', `--${ofOne} is said in the manifest`);
  }
  const printed = manifest === undefined && (output === undefined || output === '-');
  if (printed && ofFile !== undefined) throw usageError('render', `--${ofFile} goes with --output`);
  if (printed && (watch || check))
    throw usageError('render', `--${watch ? 'watch' : 'check'} goes with --output or --manifest`);
  if (watch && check) throw usageError('render', '--check writes nothing, so there is nothing to watch');
  if (watch && template === '-')
    throw usageError('render', '--watch reads the template again, so it must be a file');
  if (options.interval !== undefined && !watch) throw usageError('render', '--interval goes with --watch');
  if ((options.signal === undefined) !== (options['pid-file'] === undefined)) {
    throw usageError('render', '--signal and --pid-file go together');
  }
  const name = options['secrets-name'];
  if (name !== undefined && !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) {
    throw usageError('render', '--secrets-name must be a name of letters, digits and "_"');
  }
}

async function ordersOf(
  shell: Shell,
  template: string | undefined,
  options: Wishes,
): Promise<readonly Order[]> {
  const { manifest, output, mode, owner, group, follow } = options;
  if (manifest !== undefined) {
    const document = await readDocument(shell, manifest);
    try {
      return parseManifest(document, follow);
    } catch (error) {
      throw new CofferError('invalid_request', `${manifest}: ${asCofferError(error).message}`);
    }
  }
  const destination =
    output === undefined || output === '-'
      ? undefined
      : {
          path: output,
          mode: mode === undefined ? undefined : parseMode(mode),
          owner: owner === undefined ? undefined : parseOwner('owner', owner),
          group: group === undefined ? undefined : parseOwner('group', group),
          follow,
        };
  return [{ what: { kind: 'template', file: template ?? '' }, destination }];
}

function noticeOf({ signal, 'pid-file': pidFile, exec }: Wishes): Notice {
  return {
    signal:
      signal === undefined || pidFile === undefined ? undefined : { name: parseSignal(signal), pidFile },
    command: exec === undefined ? undefined : parseCommand(exec),
  };
}

/** @returns why a program was not told of a change */
async function renderOnce(
  shell: Shell,
  safe: SecretSafe,
  wishes: RenderWishes,
  notice: Notice,
): Promise<string | undefined> {
  const changed = writeAll(shell, await planAll(shell, safe, wishes));
  return changed === 0 ? undefined : tell(shell, notice);
}

/** Goes on until somebody ends it: what fails is told, the files stay as they are, and the next look may find it well again. */
async function watch(
  shell: Shell,
  safe: SecretSafe,
  wishes: RenderWishes,
  notice: Notice,
  seconds: number,
  first: string | undefined,
): Promise<never> {
  let problem = first;
  for (;;) {
    if (problem !== undefined) shell.ui.warn(problem);
    await shell.pause(seconds * 1_000);
    problem = await renderOnce(shell, safe, wishes, notice).catch(
      (error: unknown) => asCofferError(error).message,
    );
  }
}

/** `coffer audit tail`: the newest lines of a data directory's audit log, and those that follow. */
import { resolve } from 'node:path';
import { usageError } from '../cli/args.ts';
import { defineCommand } from '../cli/command.ts';
import type { Shell } from '../cli/shell.ts';
import { escapeJson, escapeLine } from '../cli/terminal-text.ts';
import { type FollowedLine, LogFollower } from '../core/audit/follow.ts';
import type { LogPlace } from '../core/audit/log-place.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { openLogPlace, storedLogNote, storedLogOptions } from './audit-place.ts';
import { hostData } from './host-storage.ts';
import { auditDirectoryOf } from './node.ts';

/** Milliseconds between two looks. */
const pause = 250;

export const tail = defineCommand({
  summary: 'Print the newest lines of the audit log, and follow it',
  details: [
    'A line for each request: time, decision, operation and path, who asked, the status of the answer where it was ' +
      'refused, and the request id for `coffer audit show`. With --format json each line as it stands in the log. ' +
      'It says what the log says; `coffer audit verify` says whether it was changed.',
    storedLogNote,
  ],
  operands: {},
  options: {
    data: { type: 'text', value: 'DIR', help: 'data directory (COFFER_DATA; ~/.local/share/coffer)' },
    'audit-dir': { type: 'text', value: 'DIR', help: 'the log, where it is not in the data directory' },
    ...storedLogOptions,
    follow: { type: 'flag', short: 'f', help: 'go on until Ctrl-C' },
    lines: { type: 'integer', short: 'n', value: 'N', help: 'how many to begin with (10)' },
    path: { type: 'text', value: 'PREFIX', help: 'only requests whose path begins like this' },
    accessor: { type: 'text', value: 'ACCESSOR', help: 'only requests of this token' },
    decision: {
      type: 'text',
      value: 'WORD',
      choices: ['allow', 'deny', 'needs-approval'],
      help: 'only requests decided so: allow, deny, needs-approval',
    },
    request: { type: 'text', value: 'ID', help: 'only this request' },
  },
  examples: ['coffer audit tail -f --decision deny', 'coffer audit tail -n 100 --path auth/'],
  async run({ options }, shell) {
    const { lines: most = 10 } = options;
    if (most > 10_000) throw usageError('audit tail', '--lines must be at most 10000');
    const data = hostData(shell, options.data);
    const directory =
      options['audit-dir'] === undefined ? auditDirectoryOf(data) : resolve(options['audit-dir']);
    const opened = await openLogPlace(shell, { ...options, data, directory });
    try {
      await follow(shell, opened.place, options, most);
    } finally {
      await opened.close();
    }
  },
});

interface Wishes {
  readonly path: string | undefined;
  readonly accessor: string | undefined;
  readonly decision: string | undefined;
  readonly request: string | undefined;
}

/** @param most lines to begin with */
async function follow(
  shell: Shell,
  place: LogPlace,
  options: Wishes & { readonly follow: boolean },
  most: number,
): Promise<void> {
  const follower = new LogFollower(place);
  const filter = new Filter(options);
  const isShown = ({ content }: FollowedLine) =>
    filter.passes(content) && (shell.ui.format === 'json' || sentence(content) !== undefined);
  const recent = (await follower.recent()).filter(isShown);
  print(shell, most === 0 ? [] : recent.slice(-most));
  // Whoever reads may have seen enough (`| head`).
  while (options.follow && !shell.stdout.destroyed && !shell.stdout.writableEnded) {
    await shell.pause(pause);
    print(shell, (await follower.next()).filter(isShown));
  }
  if (follower.unreadable > 0) shell.ui.warn('some lines could not be read; see `coffer audit verify`');
}

/** Requests that passed and whose answer is still to come. */
const mostOpen = 10_000;

/** An answer's line passes with its request. */
class Filter {
  readonly #wishes: Wishes;
  readonly #open = new Set<string>();

  constructor(wishes: Wishes) {
    this.#wishes = wishes;
  }

  passes(line: JsonObject): boolean {
    const { path, accessor, decision, request } = this.#wishes;
    const all = [path, accessor, decision, request].every((wish) => wish === undefined);
    const id = String(line['request_id'] ?? '');
    if (all) return true;
    if (line['type'] === 'response') return this.#open.delete(id);
    const passes =
      line['type'] === 'request' &&
      (path === undefined || String(line['path']).startsWith(path)) &&
      (accessor === undefined || member(line, 'auth', 'accessor') === accessor) &&
      (decision === undefined || member(line, 'decision', 'kind') === decision) &&
      (request === undefined || id === request);
    if (passes) {
      if (this.#open.size >= mostOpen) this.#open.clear();
      this.#open.add(id);
    }
    return passes;
  }
}

function print(shell: Shell, lines: readonly FollowedLine[]): void {
  const { ui, stdout } = shell;
  for (const line of lines) {
    if (ui.format === 'json') {
      stdout.write(`${escapeJson(line.text)}\n`);
      continue;
    }
    const text = sentence(line.content);
    if (text === undefined) continue;
    const refused =
      member(line.content, 'decision', 'kind') === 'deny' || line.content['type'] === 'response';
    if (refused) ui.painted([['removed', escapeLine(text)]]);
    else ui.text(`${escapeLine(text)}\n`);
  }
}

/** Undefined for what people need not see: the log's own lines, and answers that are as one expects. */
function sentence(line: JsonObject): string | undefined {
  const time = String(line['time'] ?? '').replace(/\.\d+Z$/, 'Z');
  const id = String(line['request_id'] ?? '');
  const asked = `${String(line['operation'] ?? '')} ${String(line['path'] ?? '')}`;
  if (line['type'] === 'request') {
    const who = member(line, 'auth', 'display_name') || member(line, 'auth', 'accessor') || 'nobody';
    return `${time} ${member(line, 'decision', 'kind')} ${asked} by ${who} ${id}`;
  }
  if (line['type'] === 'response') {
    const status = Number(line['status']);
    return status < 400 || status === 403 ? undefined : `${time} ${status} ${asked} ${id}`;
  }
  if (line['type'] !== 'event') return undefined;
  return `${time} event ${String(line['event'] ?? '')} ${String(line['path'] ?? '')}`.trimEnd();
}

function member(line: JsonObject, name: string, inner: string): string {
  const value = line[name];
  const found = isJsonObject(value) ? value[inner] : undefined;
  return typeof found === 'string' ? found : '';
}

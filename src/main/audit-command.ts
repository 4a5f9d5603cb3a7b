/** `coffer audit`: looks at a data directory's audit log, whether a server runs over it or not. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type CommandGroup, defineCommand } from '../cli/command.ts';
import type { Shell } from '../cli/shell.ts';
import { readAnchors } from '../core/audit/anchor.ts';
import { readEarlierAnchors } from '../core/audit/earlier.ts';
import { findRequest } from '../core/audit/find.ts';
import { type AuditReport, type ChainReport, verifyAudit } from '../core/audit/verify.ts';
import { CofferError } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import { tail } from './audit-tail.ts';
import { hostData, hostStorage, storageOption } from './host-storage.ts';
import { auditDirectoryOf } from './node.ts';
import { openBarrier } from './open-barrier.ts';

const places = {
  data: {
    type: 'text',
    value: 'DIR',
    help: 'data directory (COFFER_DATA; ~/.local/share/coffer)',
  },
} as const;

const verify = defineCommand({
  summary: 'Check that no line of the audit log was changed, removed or put in',
  operands: {},
  options: {
    ...places,
    ...storageOption,
    keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store' },
    'audit-dir': { type: 'text', value: 'DIR', help: 'the log, where it is not in the data directory' },
    unanchored: { type: 'flag', help: 'check the log alone: a cut tail does not show then' },
  },
  details: [
    'Compares the log with the anchors in the store, which need the keyfile or the unseal keys. The server may be running.',
    'Exit code 0: intact; 7: something does not fit.',
  ],
  async run({ options }, shell) {
    const data = hostData(shell, options.data);
    const directory =
      options['audit-dir'] === undefined ? auditDirectoryOf(data) : resolve(options['audit-dir']);
    const opened = options.unanchored
      ? undefined
      : await openBarrier(shell, hostStorage(shell, options.storage, data), options.keyfile);
    try {
      // A store has a log from its first unsealing: without the store it may be the wrong place, with it the log is gone.
      requireLog(directory, opened === undefined ? 'not_found' : 'integrity');
      // Anchors first: what is written meanwhile lies beyond them.
      const anchors = opened === undefined ? undefined : await readAnchors(opened.barrier);
      const earlier = opened === undefined ? [] : await readEarlierAnchors(opened.barrier);
      const report = await verifyAudit({ directory, anchors, earlier });
      if (earlier.length > 0) shell.ui.talk(beforeRestore(earlier.length, report.elsewhere.length));
      show(shell, report);
    } finally {
      await opened?.close();
    }
  },
});

const showCommand = defineCommand({
  summary: 'Show what the audit log says of one request',
  operands: { REQUEST: 'one' },
  options: places,
  details: [
    'REQUEST is the request_id of an answer. The line of a refused request names the rule that decided.',
  ],
  async run({ operands, options }, shell) {
    const directory = auditDirectoryOf(hostData(shell, options.data));
    requireLog(directory, 'not_found');
    const lines = [];
    for await (const found of findRequest({ directory, requestId: operands.REQUEST })) lines.push(found);
    if (lines.length === 0) throw new CofferError('not_found', 'the audit log has no line of this request');
    if (shell.ui.format === 'json') shell.ui.json(lines.map(({ content }) => content));
    else
      for (const { file, line, content } of lines)
        shell.ui.text(`${file}:${line}\n${JSON.stringify(content, null, 2)}\n`);
  },
});

export const command: CommandGroup = {
  summary: 'Follow and check the audit log',
  commands: { verify, show: showCommand, tail },
};

function requireLog(directory: string, code: 'not_found' | 'integrity'): void {
  if (!existsSync(directory)) throw new CofferError(code, `there is no audit log in ${directory}`);
}

/** Throws `integrity` after telling everything that does not fit. */
function show({ ui }: Shell, report: AuditReport): void {
  const problems = [...report.problems, ...report.chains.flatMap((chain) => chain.problems)];
  if (ui.format === 'json') ui.json(report as unknown as JsonValue);
  else {
    for (const chain of report.chains) ui.text(`${chainText(chain)}\n`);
    for (const { file, line, message } of problems) {
      ui.text(`PROBLEM  ${file}${line === undefined ? '' : `:${line}`}  ${message}\n`);
    }
  }
  if (!report.intact) {
    throw new CofferError('integrity', `the audit log is not intact: ${counted(problems.length, 'problem')}`);
  }
  ui.talk(`intact: ${counted(report.chains.length, 'chain')}, ${counted(lineCount(report), 'line')}`);
}

/** Four lines or so, each of a terminal's width. */
function chainText(chain: ChainReport): string {
  const { directory, chainId, state, lines, vouches, firstTime, lastTime } = chain;
  const times = firstTime === undefined ? '' : `, ${seconds(firstTime)} to ${seconds(lastTime ?? firstTime)}`;
  return [
    `${directory ?? chainId}  ${state}`,
    `  ${counted(lines, 'line')}${times}`,
    ...vouches.split('; ').map((part) => `  ${part}`),
  ].join('\n');
}

function beforeRestore(known: number, absent: number): string {
  const where = absent === 0 ? '' : `, of which ${absent} not in this directory, but where that store was`;
  return `this store was restored from a backup: its log before that has ${counted(known, 'chain')}${where}`;
}

function seconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function lineCount(report: AuditReport): number {
  return report.chains.reduce((sum, { lines }) => sum + lines, 0);
}

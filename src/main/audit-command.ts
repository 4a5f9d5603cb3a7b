/** `coffer audit`: looks at a data directory's audit log, whether a server runs over it or not. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Barrier } from '../barrier/barrier.ts';
import { type CommandGroup, defineCommand } from '../cli/command.ts';
import type { Shell } from '../cli/shell.ts';
import { readAnchors } from '../core/audit/anchor.ts';
import { readEarlierAnchors } from '../core/audit/earlier.ts';
import { findInPlace } from '../core/audit/find.ts';
import { storedPlace, storedShelf } from '../core/audit/stored-place.ts';
import { type AuditReport, type ChainReport, verifyAudit, verifyPlace } from '../core/audit/verify.ts';
import { CofferError } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import { openLogPlace, storedLogNote, storedLogOptions } from './audit-place.ts';
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
    keyfile: { type: 'text', value: 'FILE', help: 'keyfile of the store (COFFER_KEYFILE, or COFFER_CONFIG)' },
    'audit-dir': { type: 'text', value: 'DIR', help: 'the log, where it is not in the data directory' },
    unanchored: { type: 'flag', help: 'check the log alone: a cut tail does not show then' },
  },
  details: [
    'Compares the log with the anchors in the store, which need the keyfile or the unseal keys. The server may be running. A log ' +
      'that is in the store itself (audit.log = "store") is checked as well.',
    'Exit code 0: intact; 7: something does not fit.',
  ],
  async run({ options }, shell) {
    const data = hostData(shell, options.data);
    const directory =
      options['audit-dir'] === undefined ? auditDirectoryOf(data) : resolve(options['audit-dir']);
    if (options.unanchored) {
      requireLog(directory, 'not_found');
      return show(shell, await verifyAudit({ directory, anchors: undefined }));
    }
    const opened = await openBarrier(shell, hostStorage(shell, options.storage, data), options.keyfile);
    try {
      show(shell, await verifyBoth(shell, opened.barrier, directory));
    } finally {
      await opened.close();
    }
  },
});

/** The log in files and the one in the store: a store may have had both, one after the other. */
async function verifyBoth(shell: Shell, store: Barrier, directory: string): Promise<AuditReport> {
  // Anchors first: what is written meanwhile lies beyond them.
  const anchors = await readAnchors(store);
  const stored = await readAnchors(store, storedShelf);
  const inStore = await verifyPlace(storedPlace(store), { anchors: stored });
  // Files that the store vouches for must be there; where all of the log is in the store, there never were any.
  if (!existsSync(directory) && anchors.length === 0 && inStore.chains.length > 0) return inStore;
  // A store has a log from its first unsealing: it is gone.
  requireLog(directory, 'integrity');
  const earlier = await readEarlierAnchors(store);
  const inFiles = await verifyAudit({ directory, anchors, earlier });
  if (earlier.length > 0) shell.ui.talk(beforeRestore(earlier.length, inFiles.elsewhere.length));
  return {
    intact: inFiles.intact && inStore.intact,
    chains: [...inFiles.chains, ...inStore.chains],
    problems: [...inFiles.problems, ...inStore.problems],
    elsewhere: inFiles.elsewhere,
  };
}

const showCommand = defineCommand({
  summary: 'Show what the audit log says of one request',
  operands: { REQUEST: 'one' },
  options: { ...places, ...storedLogOptions },
  details: [
    'REQUEST is the request_id of an answer. The line of a refused request names the rule that decided.',
    storedLogNote,
  ],
  async run({ operands, options }, shell) {
    const data = hostData(shell, options.data);
    const opened = await openLogPlace(shell, { ...options, data, directory: auditDirectoryOf(data) });
    try {
      const lines = [];
      for await (const found of findInPlace(opened.place, operands.REQUEST)) lines.push(found);
      if (lines.length === 0) throw new CofferError('not_found', 'the audit log has no line of this request');
      if (shell.ui.format === 'json') shell.ui.json(lines.map(({ content }) => content));
      else
        for (const { file, line, content } of lines)
          shell.ui.text(`${file}:${line}\n${JSON.stringify(content, null, 2)}\n`);
    } finally {
      await opened.close();
    }
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

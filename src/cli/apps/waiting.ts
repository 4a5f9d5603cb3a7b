/** Waiting for what the server does by itself. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Options } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { cellText } from '../print-data.ts';
import type { Shell } from '../shell.ts';
import type { Applications } from './applications.ts';

/** Milliseconds between two looks. */
const pause = 500;

export const kinds = ['password', 'client'] as const;

export const waitOptions = {
  wait: { type: 'flag', short: 'w', help: 'until it is done' },
  timeout: { type: 'text', value: 'TIME', help: 'wait no longer than this' },
} as const satisfies Options;

/** Milliseconds when waiting ends. Throws `usage`. */
export function endOf(shell: Shell, timeout: string | undefined): number {
  return timeout === undefined ? Infinity : shell.now() + parseDuration(timeout, '--timeout') * 1_000;
}

export interface Waiting {
  readonly applications: Applications;
  readonly id: string;
  /** Milliseconds. */
  readonly end: number;
}

/**
 * An application's status, once it is as it is to be. Says on the way what is under way, each time that is something else. Throws `request_timeout` where
 * time ran out first.
 */
export async function waitFor(
  shell: Shell,
  { applications, id, end }: Waiting,
  isDone: (status: JsonObject) => boolean,
): Promise<JsonObject> {
  let told = '';
  for (;;) {
    const status = await applications.readOf(id, 'status');
    if (isDone(status)) return status;
    const line = lineOf(status);
    if (line !== told) shell.ui.talk(line);
    told = line;
    if (shell.now() >= end) throw new CofferError('request_timeout', 'it is not done yet, and goes on');
    await shell.pause(pause);
  }
}

/** Whether an application's user is there, and each target has what is current. */
export function isDelivered(status: JsonObject): boolean {
  return status['user'] === 'present' && status['targets_current'] === status['targets_total'];
}

/** In an overlap nothing begins: whoever waits is told how long, unless it is an emergency. */
function stepOf({ step, overlap_end: end }: JsonObject): string {
  const until = cellText(end);
  return until === '' ? cellText(step) : `${cellText(step)} until ${until}`;
}

/** One line of where it is. */
function lineOf(status: JsonObject): string {
  const steps = kinds.map((kind) => `${kind} ${stepOf((status[kind] ?? {}) as JsonObject)}`);
  const problem = cellText(status['problem']);
  const paused = status['paused'] === true ? '; paused' : '';
  return `${steps.join(', ')}${paused}${problem === '' ? '' : `; ${problem}`}`;
}

import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { parseDuration } from '../duration.ts';
import { yesOption } from '../options.ts';
import { cellText } from '../print-data.ts';
import { openProgress } from '../progress.ts';
import type { Shell } from '../shell.ts';
import {
  type Applications,
  commonAppsOptions,
  numberOf,
  objects,
  openApplications,
  pathOf,
} from './applications.ts';

/** Milliseconds between two looks. */
const pause = 500;

const kinds = ['password', 'client'] as const;

export const rotate = defineCommand({
  summary: 'Rotate an application’s credentials now',
  details: [
    '--compromised is for an application whose credentials somebody else may have: sessions and tokens made with them end, and they end ' +
      'themselves as soon as the new ones are delivered, without an overlap.',
    'With --wait exit code 0 says that it is done, and 9 that --timeout came first: the rotation goes on.',
  ],
  operands: { ID: 'one' },
  options: {
    kind: { type: 'list', value: 'KIND', choices: kinds, help: 'password or client; both unless told' },
    compromised: { type: 'flag', help: 'end old credentials and sessions: an emergency' },
    wait: { type: 'flag', short: 'w', help: 'until it is done' },
    timeout: { type: 'text', value: 'TIME', help: 'wait no longer than this' },
    ...yesOption,
    ...commonAppsOptions,
  },
  examples: ['coffer apps rotate shop --wait', 'coffer apps rotate shop --compromised --wait --yes'],
  async run({ options, operands }, shell) {
    const { ID: id } = operands;
    const { timeout } = options;
    const end = timeout === undefined ? Infinity : shell.now() + parseDuration(timeout, '--timeout') * 1_000;
    const applications = await openApplications(shell, options);
    if (options.compromised) {
      await applications.readOf(id);
      const question = `end the credentials and sessions of ${id} as soon as new ones are delivered?`;
      await confirmed(shell, options.yes, question, 'this ends credentials without an overlap');
    }
    const { request } = await applications.writeOf(id, 'rotate', {
      ...(options.kind.length === 0 ? {} : { kinds: [...options.kind] }),
      ...(options.compromised ? { emergency: true } : {}),
    });
    const count = numberOf(request);
    if (!options.wait) {
      shell.ui.done(`rotation of ${id} asked for`, { id, request: count });
      return;
    }
    const status = await served(shell, applications, { id, count, end });
    const versions = { password: versionOf(status, 'password'), client: versionOf(status, 'client') };
    shell.ui.done(`${id} is rotated`, { id, request: count, ...versions });
  },
});

interface Wish {
  readonly id: string;
  readonly count: number;
  /** Milliseconds. */
  readonly end: number;
}

/** Until the rotation that was asked for is done. Throws `request_timeout` where time ran out first. */
async function served(
  shell: Shell,
  applications: Applications,
  { id, count, end }: Wish,
): Promise<JsonObject> {
  const progress = openProgress(shell);
  let told = '';
  try {
    for (;;) {
      const status = await applications.readOf(id, 'status');
      if (numberOf(status['requests_served']) >= count) return status;
      const line = lineOf(status);
      if (line !== told) {
        progress.close();
        shell.ui.talk(line);
        told = line;
      }
      if (shell.now() >= end) throw new CofferError('request_timeout', 'it is not done yet, and goes on');
      await shell.pause(pause);
    }
  } finally {
    progress.close();
  }
}

/** One line of where a rotation is. */
function lineOf(status: JsonObject): string {
  const steps = kinds.map((kind) => {
    const { step } = (status[kind] ?? {}) as JsonObject;
    return `${kind} ${cellText(step)}`;
  });
  const problem = cellText(status['problem']);
  const paused = status['paused'] === true ? '; paused' : '';
  return `${steps.join(', ')}${paused}${problem === '' ? '' : `; ${problem}`}`;
}

function versionOf(status: JsonObject, kind: (typeof kinds)[number]): string {
  return cellText(((status[kind] ?? {}) as JsonObject)['version']);
}

function pausing(paused: boolean, summary: string) {
  return defineCommand({
    summary,
    operands: { ID: 'one' },
    options: commonAppsOptions,
    async run({ options, operands }, shell) {
      const { ID: id } = operands;
      const applications = await openApplications(shell, options);
      await applications.writeOf(id, 'pause', { paused });
      shell.ui.done(paused ? `rotation of ${id} is paused` : `rotation of ${id} goes on`, { id, paused });
    },
  });
}

export const pauseRotation = pausing(true, 'Hold up the rotation of an application');
export const resume = pausing(false, 'Let the rotation of an application go on');

export const history = defineCommand({
  summary: 'Show what happened to an application, newest first',
  operands: { ID: 'one' },
  options: {
    limit: { type: 'text', value: 'COUNT', help: 'most entries to show' },
    ...commonAppsOptions,
  },
  async run({ options, operands }, shell) {
    const applications = await openApplications(shell, options);
    const { limit } = options;
    if (limit !== undefined && !/^[1-9]\d{0,3}$/.test(limit)) {
      throw new CofferError('usage', '--limit is a number from 1 on');
    }
    const path = pathOf(operands.ID, 'history');
    const entries = objects((await applications.read(path, limit === undefined ? {} : { limit }))['entries']);
    shell.ui.table(
      ['TIME', 'EVENT', 'KIND', 'GENERATION', 'DETAIL'],
      entries.map(({ time, event, kind, generation, detail }) =>
        [time, event, kind, generation, detail].map(cellText),
      ),
      [...entries],
    );
  },
});

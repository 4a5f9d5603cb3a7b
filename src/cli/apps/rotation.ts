import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { yesOption } from '../options.ts';
import { cellText } from '../print-data.ts';
import type { Shell } from '../shell.ts';
import {
  type Applications,
  commonAppsOptions,
  numberOf,
  objects,
  openApplications,
  pathOf,
} from './applications.ts';
import { endOf, kinds, waitFor, waitOptions } from './waiting.ts';

export const rotate = defineCommand({
  summary: 'Rotate an application’s credentials now',
  details: [
    '--compromised is for an application whose credentials somebody else may have: sessions and tokens made with them end, and they end ' +
      'themselves as soon as the new ones are delivered, without an overlap. A target that has failed for a minute is not waited for.',
    'With --wait exit code 0 says that it is done, and 9 that --timeout came first: the rotation goes on.',
  ],
  operands: { ID: 'one' },
  options: {
    kind: { type: 'list', value: 'KIND', choices: kinds, help: 'password or client; both unless told' },
    compromised: { type: 'flag', help: 'end old credentials and sessions: an emergency' },
    ...waitOptions,
    ...yesOption,
    ...commonAppsOptions,
  },
  examples: ['coffer apps rotate shop --wait', 'coffer apps rotate shop --compromised --wait --yes'],
  async run({ options, operands }, shell) {
    const { ID: id } = operands;
    const { timeout } = options;
    const end = endOf(shell, timeout);
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

/** Until the rotation that was asked for is done. Throws `request_timeout` where time ran out first. */
function served(shell: Shell, applications: Applications, { id, count, end }: Wish): Promise<JsonObject> {
  return waitFor(shell, { id, end, applications }, (status) => numberOf(status['requests_served']) >= count);
}

interface Wish {
  readonly id: string;
  readonly count: number;
  /** Milliseconds. */
  readonly end: number;
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

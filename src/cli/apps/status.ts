import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
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
  texts,
} from './applications.ts';

export const status = defineCommand({
  summary: 'Show how applications stand: what was rotated, what is next, and what is wrong',
  details: ['With ID one application in full; without, all of the mount, a line each.'],
  operands: { ID: 'optional' },
  options: {
    problems: { type: 'flag', help: 'those with a problem alone' },
    ...commonAppsOptions,
  },
  async run({ options, operands }, shell) {
    const applications = await openApplications(shell, options);
    if (operands.ID !== undefined) showOne(shell, await applications.readOf(operands.ID, 'status'));
    else await showAll(shell, applications, options.problems);
  },
});

function showOne(shell: Shell, data: JsonObject): void {
  const { password, client, targets, readers, problems, problem: _, ...rest } = data;
  const entries = Object.entries(rest).map(([name, value]) => [name, cellText(value)] as const);
  for (const [name, kind] of [
    ['password', password],
    ['client', client],
  ] as const) {
    if (isJsonObject(kind)) entries.push([name, kindText(kind)]);
  }
  for (const target of objects(targets)) {
    const standing = target['current'] === true ? 'current' : 'behind';
    entries.push([
      'target',
      `${cellText(target['address'])} (${target['wanted'] === true ? standing : 'to be emptied'})`,
    ]);
  }
  if (isJsonObject(readers)) {
    const behind = texts(readers['behind']);
    entries.push([
      'readers',
      `${numberOf(readers['seen'])} seen${behind.length === 0 ? '' : `, behind: ${behind.join(', ')}`}`,
    ]);
  }
  for (const each of objects(problems)) {
    const { message, target, since } = each;
    entries.push([
      'problem',
      [cellText(message), cellText(target), `since ${cellText(since)}`]
        .filter((part) => part !== '')
        .join('; '),
    ]);
  }
  shell.ui.record(entries, data);
}

function kindText({
  step,
  generation,
  version,
  last_rotation: last,
  next_rotation: next,
}: JsonObject): string {
  const parts = [
    `step ${cellText(step)}`,
    `generation ${cellText(generation)}`,
    ...(version === null ? [] : [`version ${cellText(version)}`]),
    ...(last === null ? [] : [`rotated ${cellText(last)}`]),
    ...(next === null ? [] : [`next ${cellText(next)}`]),
  ];
  return parts.join(', ');
}

async function showAll(shell: Shell, applications: Applications, problemsOnly: boolean): Promise<void> {
  const all: Record<string, JsonObject> = {};
  let first: JsonObject | undefined;
  let after = '';
  do {
    const page = await applications.read('status', after === '' ? {} : { after });
    first ??= page;
    const info = isJsonObject(page['key_info']) ? page['key_info'] : {};
    for (const id of texts(page['keys'])) {
      const each = info[id];
      if (isJsonObject(each) && (!problemsOnly || each['problem'] !== null)) all[id] = each;
    }
    after = cellText(page['next']);
  } while (after !== '');
  const { registry, paused } = first ?? {};
  shell.ui.table(
    ['ID', 'USER', 'PASSWORD', 'CLIENT', 'TARGETS', 'PROBLEM'],
    Object.entries(all).map(([id, each]) => [id, ...cells(each)]),
    { paused: paused ?? false, registry: registry ?? null, applications: all },
  );
  if (paused === true) shell.ui.warn('rotation of the whole mount is paused');
  if (isJsonObject(registry) && isJsonObject(registry['problem'])) {
    shell.ui.warn(cellText(registry['problem']['message']));
  }
}

function cells({
  user,
  deleted,
  password,
  client,
  targets_current: have,
  targets_total: all,
  problem,
  paused,
}: JsonObject) {
  const standing = deleted === true ? 'being deleted' : cellText(user);
  return [
    paused === true ? `${standing}, paused` : standing,
    stepText(password),
    stepText(client),
    `${cellText(have)}/${cellText(all)}`,
    cellText(problem),
  ];
}

/** When it was rotated last, while nothing is under way. */
function stepText(kind: unknown): string {
  if (!isJsonObject(kind)) return '';
  const { step, last_rotation: last } = kind;
  return step === 'idle' || step === 'overlap' ? cellText(last) : cellText(step);
}

export const confirmShrink = defineCommand({
  summary: 'Let go of applications that the registry lost',
  details: [
    'Where a registry loses more applications than the mount’s shrink_limit allows, nothing is disabled until somebody confirms how many may go. Without ' +
      'COUNT this shows which.',
  ],
  operands: { COUNT: 'optional' },
  options: { ...yesOption, ...commonAppsOptions },
  async run({ options, operands }, shell) {
    const applications = await openApplications(shell, options);
    const waiting = await applications.read('shrink');
    const count = numberOf(waiting['count']);
    if (operands.COUNT === undefined) {
      if (shell.ui.format === 'json') return shell.ui.json(waiting);
      if (count === 0) return shell.ui.talk('no application waits');
      shell.ui.lines(texts(waiting['ids']));
      return shell.ui.talk(
        `${count} of ${cellText(waiting['active'])} wait; say: coffer apps confirm-shrink ${count}`,
      );
    }
    if (!/^\d{1,9}$/.test(operands.COUNT)) throw new CofferError('usage', 'COUNT is a number');
    const question = `disable the users of ${operands.COUNT} applications?`;
    await confirmed(shell, options.yes, question, 'this ends their credentials');
    await applications.write('shrink', { confirm: Number(operands.COUNT) });
    shell.ui.done(`${operands.COUNT} applications may go`, { confirmed: Number(operands.COUNT) });
  },
});

/** One pass over everything that is to be rendered: all of it is made before any of it is written. */
import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '../../json.ts';
import { compileTemplate, renderTemplate } from '../../template/render.ts';
import type { SecretSafe } from '../secret-safe.ts';
import type { Shell } from '../shell.ts';
import { readText } from './input.ts';
import { type Order, shownSource } from './order.ts';
import { type FilePlan, planFile, writePlanned } from './rendered-file.ts';
import { SecretValues } from './secret-values.ts';

export interface RenderWishes {
  readonly orders: readonly Order[];
  readonly variables: JsonObject;
  readonly secretsName: string | undefined;
  readonly nameFormat: string | undefined;
}

export interface Planned {
  readonly order: Order;
  /** Undefined for standard output. */
  readonly plan: FilePlan | undefined;
  readonly content: Buffer;
}

/** Reads what the templates name, each secret once, and changes nothing. Throws the first problem. */
export async function planAll(
  shell: Shell,
  safe: SecretSafe,
  wishes: RenderWishes,
): Promise<readonly Planned[]> {
  const secrets = new SecretValues(safe);
  const planned: Planned[] = [];
  for (const order of wishes.orders) {
    const content = await contentOf(shell, order, secrets, wishes);
    const plan = order.destination === undefined ? undefined : planFile(order.destination, content);
    planned.push({ order, plan, content });
  }
  return planned;
}

async function contentOf(
  shell: Shell,
  { what }: Order,
  secrets: SecretValues,
  { variables, secretsName, nameFormat }: RenderWishes,
): Promise<Buffer> {
  if (what.kind === 'secret') return secrets.bytes(what.name, what.field);
  const template = compileTemplate(
    what.file === '-' ? 'standard input' : what.file,
    await readText(shell, what.file),
  );
  const text = await renderTemplate(template, {
    variables,
    secrets,
    ...(secretsName === undefined ? {} : { secretsName }),
    ...(nameFormat === undefined ? {} : { nameFormat }),
  });
  return Buffer.from(text);
}

/** Writes what differs. @returns how many files did */
export function writeAll(shell: Shell, planned: readonly Planned[]): number {
  let changed = 0;
  for (const { order, plan, content } of planned) {
    if (plan === undefined) print(shell, content);
    else if (plan.kind !== 'same') {
      writePlanned(plan);
      changed++;
      shell.ui.talk(`${plan.path}: written from ${shownSource(order)}`);
    }
  }
  return changed;
}

function print(shell: Shell, content: Buffer): void {
  if (isUtf8(content)) shell.ui.text(content.toString('utf8'));
  else shell.ui.bytes(content);
}

/** What writing would change, with no word of any content. @returns how many files that would be */
export function tellPlans(shell: Shell, planned: readonly Planned[]): number {
  const files = planned.flatMap(({ plan }) => (plan === undefined ? [] : [plan]));
  const document = files.map(({ path, kind, changes }) => ({ path, would: kind, changes }));
  shell.ui.table(
    ['WOULD', 'FILE', 'CHANGES'],
    files.map(({ path, kind, changes }) => [kind, path, changes.join(', ')]),
    document,
  );
  return files.filter(({ kind }) => kind !== 'same').length;
}

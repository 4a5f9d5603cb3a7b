/** What `coffer doctor` found: each is fine, worth a look, or wrong, with a sentence on what to do about it. */
import type { JsonObject } from '../../json.ts';
import type { Ui } from '../ui.ts';

export type Level = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** What was looked at, a word or two: `server`, `data directory`. */
  readonly check: string;
  readonly level: Level;
  readonly message: string;
  /** What to do; absent where nothing is to be done. */
  readonly advice?: string;
}

export function ok(check: string, message: string): Finding {
  return { check, level: 'ok', message };
}

export function warn(check: string, message: string, advice: string): Finding {
  return { check, level: 'warn', message, advice };
}

export function fail(check: string, message: string, advice: string): Finding {
  return { check, level: 'fail', message, advice };
}

/** How many of each. */
export function countLevels(findings: readonly Finding[]): Readonly<Record<Level, number>> {
  const counts = { ok: 0, warn: 0, fail: 0 };
  for (const { level } of findings) counts[level]++;
  return counts;
}

export function printFindings(ui: Ui, facts: JsonObject, findings: readonly Finding[]): void {
  const summary = { ...countLevels(findings) };
  if (ui.format === 'json') {
    ui.json({ ...facts, findings: findings.map((finding) => ({ ...finding })), summary });
    return;
  }
  for (const { check, level, message, advice } of findings) {
    ui.text(`${level.padEnd(5)}${check}: ${message}\n`);
    if (advice !== undefined) ui.text(`     -> ${advice}\n`);
  }
  ui.talk(`${summary.ok} fine, ${summary.warn} to look at, ${summary.fail} wrong`);
}

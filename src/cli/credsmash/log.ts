/** What the old program says on standard error: `2026-03-01 12:00:00,000 credsmash.cli [INFO] text`. */
import type { Shell } from '../shell.ts';
import { escapeLine } from '../terminal-text.ts';

export const levels = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type Level = (typeof levels)[number];

export function isLevel(text: string): text is Level {
  return levels.some((level) => level === text);
}

export type Log = (level: Level, logger: string, text: string) => void;

/** @param least what is below it is not said */
export function openLog(shell: Shell, least: Level): Log {
  return (level, logger, text) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    const line = `${localTime(shell.now())} credsmash.${logger} [${level}] ${text}`;
    shell.stderr.write(`${escapeLine(line)}\n`);
  };
}

function localTime(now: number): string {
  const time = new Date(now);
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${day} ${clock},${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** How far long work is, on standard error at a terminal; nothing elsewhere, where it would only fill a log. */
import type { Shell } from './shell.ts';

const width = 30;

export interface Progress {
  /** @param total undefined while it is not known */
  show(done: number, total: number | undefined): void;
  /** Takes the line away. */
  close(): void;
}

export function openProgress({ stderr, env, ui }: Shell): Progress {
  if (stderr.isTTY !== true || ui.format === 'json' || env['TERM'] === 'dumb') {
    return { show() {}, close() {} };
  }
  return {
    show: (done, total) => void stderr.write(`\r\u001b[K${bar(done, total)}`),
    close: () => void stderr.write('\r\u001b[K'),
  };
}

function bar(done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return `${done} done`;
  const share = Math.min(1, done / total);
  const full = Math.floor(share * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${Math.floor(share * 100)}%  ${done} of ${total}`;
}

/** Items that go out as they come, at the pace of who reads them: a long list is never held as a whole. */
import type { OutputStream } from './shell.ts';
import { escapeJson } from './terminal-text.ts';

/** Written in pieces of about this many characters. */
const piece = 16 * 1024;

/**
 * @param format how one item stands in the output
 * @param frame what is written before, between and after
 * @returns how many there were
 */
export async function streamItems<T>(
  stdout: OutputStream,
  items: AsyncIterable<T>,
  format: (item: T) => string,
  frame: { readonly open: string; readonly between: string; readonly close: (count: number) => string },
): Promise<number> {
  let count = 0;
  let text = '';
  for await (const item of items) {
    text += (count === 0 ? frame.open : frame.between) + format(item);
    count++;
    if (text.length < piece) continue;
    await written(stdout, text);
    text = '';
  }
  await written(stdout, text + frame.close(count));
  return count;
}

/** @returns whether what was written ends in a newline */
export async function writePieces(
  stdout: OutputStream,
  pieces: Iterable<string> | AsyncIterable<string>,
  shown: (text: string) => string,
): Promise<boolean> {
  let text = '';
  let isEnded = false;
  const flush = async () => {
    if (text === '') return;
    isEnded = text.endsWith('\n');
    await written(stdout, shown(text));
    text = '';
  };
  for await (const each of pieces) {
    text += each;
    if (text.length >= piece) await flush();
  }
  await flush();
  return isEnded;
}

export const lineFrame = { open: '', between: '\n', close: (count: number) => (count === 0 ? '' : '\n') };

/** As `JSON.stringify(list, null, 2)` has it. */
export const jsonFrame = {
  open: '[\n  ',
  between: ',\n  ',
  close: (count: number) => (count === 0 ? '[]\n' : '\n]\n'),
};

export function jsonItem(item: string): string {
  return escapeJson(JSON.stringify(item));
}

/** Waits while the reader is behind; one that went away is not waited for. */
function written(stdout: OutputStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (text === '' || stdout.write(text) || stdout.destroyed) return resolve();
    const done = () => {
      for (const name of ['drain', 'close', 'error']) stdout.off(name, done);
      resolve();
    };
    for (const name of ['drain', 'close', 'error']) stdout.once(name, done);
  });
}

/** Breaking text between words, for terminals: they break in the middle of words. */
import { textWidth } from './text-width.ts';

/** The width of help and of everything else that is made without knowing the terminal. */
export const pageWidth = 80;

/**
 * @param width cells of a line
 * @param first cells that something else takes in front of the first line
 * @returns at least one line; a word longer than a line stays whole
 */
export function wrapText(text: string, width: number, first = 0): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  let used = first;
  for (const word of text.split(' ')) {
    const cells = textWidth(word);
    if (line !== undefined && used + 1 + cells > width) {
      lines.push(line);
      line = undefined;
      used = 0;
    }
    used += cells + (line === undefined ? 0 : 1);
    line = line === undefined ? word : `${line} ${word}`;
  }
  return [...lines, line ?? ''];
}

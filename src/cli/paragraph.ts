import type { OutputStream } from './shell.ts';
import { escapeLine } from './terminal-text.ts';
import { textWidth } from './text-width.ts';
import { wrapText } from './text-wrap.ts';

/** A label and text behind it. On a terminal the text is broken between words and stays right of the label. */
export function paragraph(label: string, text: string, { isTTY, columns = 80 }: OutputStream): string[] {
  const shown = escapeLine(text);
  if (isTTY !== true) return [label + shown];
  const indent = textWidth(label);
  const lines = wrapText(shown, Math.max(20, columns - indent));
  return lines.map((line, index) => (index === 0 ? label : ' '.repeat(indent)) + line);
}

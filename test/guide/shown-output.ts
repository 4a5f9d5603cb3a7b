/** Holds what a guide shows against what came. */

/**
 * Whether the text that a guide shows stands for what a program said. `…` within a line is any text of that line; a line that is `…`
 * alone is any lines, or none. Blanks count as one: a table is wider at a terminal.
 */
export function isShown(shown: string, said: string): boolean {
  const pattern = shown
    .trimEnd()
    .split('\n')
    .map((line) => (line.trim() === '…' ? '(?:.*\n)*?' : `${patternOf(line)}\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(`${plain(said)}\n`);
}

function patternOf(line: string): string {
  return plain(line)
    .split('…')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.+?');
}

function plain(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').trimEnd())
    .join('\n');
}

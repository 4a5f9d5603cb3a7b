/** Heredocs as HCL 1 has them: `<<MARK` or `<<-MARK`, lines, and a line that is the mark. */

export interface Heredoc {
  /** The lines, each with its line break. */
  readonly text: string;
  /** Offsets at which the lines after the first begin, the mark's own included. */
  readonly lineStarts: readonly number[];
  /** Offset behind the closing mark. */
  readonly end: number;
}

/** Reads the heredoc that begins at `offset`; a text says what is wrong. */
export function readHeredoc(text: string, offset: number): Heredoc | string {
  const indented = text[offset + 2] === '-';
  const firstBreak = text.indexOf('\n', offset);
  if (firstBreak === -1) return 'a heredoc needs lines below its first';
  const mark = withoutReturn(text.slice(offset + (indented ? 3 : 2), firstBreak));
  if (!/^[A-Za-z0-9_]{1,64}$/.test(mark)) {
    return 'a heredoc begins with << and a mark of letters, digits and _, and the line ends there';
  }
  const lineStarts: number[] = [];
  const lines: string[] = [];
  for (let start = firstBreak + 1; start <= text.length; ) {
    lineStarts.push(start);
    const found = text.indexOf('\n', start);
    const end = found === -1 ? text.length : found;
    const line = withoutReturn(text.slice(start, end));
    const closing = closingIndent(line, mark);
    if (closing !== undefined && (indented || closing === '')) {
      return {
        text: (indented ? unindent(lines, closing) : lines).join(''),
        lineStarts,
        end: start + line.length,
      };
    }
    lines.push(text.slice(start, end + 1));
    start = end + 1;
  }
  return `this heredoc is never closed; it needs a line that is ${mark}`;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

/** What stands before the mark, if the line is nothing but blanks and the mark. */
function closingIndent(line: string, mark: string): string | undefined {
  if (!line.endsWith(mark)) return undefined;
  const indent = line.slice(0, line.length - mark.length);
  return indent.trim() === '' ? indent : undefined;
}

/** Takes the closing mark's indent off every line, or off none if some line has less. */
function unindent(lines: readonly string[], indent: string): readonly string[] {
  return lines.every((line) => line.startsWith(indent))
    ? lines.map((line) => line.slice(indent.length))
    : lines;
}

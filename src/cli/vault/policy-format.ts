/**
 * A policy's text with its indentation set right, two blanks a level, and blank lines in a row made one. Nothing else of it is
 * touched, so that what it means cannot change; lines of comments that span several, and of here-documents, stay as they are.
 */
import { misuse } from './failure.ts';

type Inside =
  | { readonly kind: 'code' }
  | { readonly kind: 'comment' }
  | { readonly kind: 'heredoc'; readonly end: string };

/** Throws `VaultFailure` for text whose brackets do not match. */
export function indentPolicy(text: string): string {
  const lines: string[] = [];
  let level = 0;
  let inside: Inside = { kind: 'code' };
  for (const [index, line] of text.replace(/\r\n/g, '\n').trimEnd().split('\n').entries()) {
    if (inside.kind === 'heredoc') {
      lines.push(line);
      if (line.trim() === inside.end) inside = { kind: 'code' };
      continue;
    }
    const wasComment: boolean = inside.kind === 'comment';
    const scanned = scan(line, inside);
    const bare = line.trim();
    const here = level - (wasComment ? 0 : closersAtStart(bare));
    level += scanned.depth;
    if (level < 0 || here < 0) throw misuse(`Error formatting: line ${index + 1} closes what was not opened`);
    inside = scanned.inside;
    if (bare === '' && (lines.length === 0 || lines.at(-1) === '')) continue;
    lines.push(wasComment ? line.trimEnd() : bare === '' ? '' : '  '.repeat(here) + bare);
  }
  if (level !== 0 || inside.kind !== 'code')
    throw misuse('Error formatting: something is opened and not closed');
  return `${lines.join('\n')}\n`;
}

function closersAtStart(line: string): number {
  return /^[\]}]+/.exec(line)?.[0].length ?? 0;
}

/** How much deeper the next line is, and what it begins in. */
function scan(line: string, from: Inside): { readonly depth: number; readonly inside: Inside } {
  const heredoc = /^[^"#]*=\s*<<-?(\w+)\s*$/.exec(line)?.[1];
  if (from.kind === 'code' && heredoc !== undefined)
    return { depth: 0, inside: { kind: 'heredoc', end: heredoc } };
  let depth = 0;
  let inside = from;
  for (let at = 0; at < line.length; at++) {
    if (inside.kind === 'comment') {
      const end = line.indexOf('*/', at);
      if (end === -1) break;
      inside = { kind: 'code' };
      at = end + 1;
    } else if (line[at] === '"') at = stringEnd(line, at);
    else if (line[at] === '#' || line.startsWith('//', at)) break;
    else if (line.startsWith('/*', at)) {
      inside = { kind: 'comment' };
      at++;
    } else if (line[at] === '{' || line[at] === '[') depth++;
    else if (line[at] === '}' || line[at] === ']') depth--;
  }
  return { depth, inside };
}

function stringEnd(line: string, start: number): number {
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '"') return at;
  }
  return line.length;
}

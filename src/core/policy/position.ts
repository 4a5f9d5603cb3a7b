/** Where in a policy's text something stands, and the error of a text that cannot be read. */
import { CofferError } from '../../errors.ts';

/** Both count from 1; a column is a UTF-16 unit. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function syntaxError(at: Position, message: string): CofferError {
  return new CofferError('invalid_request', `line ${at.line}, column ${at.column}: ${message}`);
}

const longestQuote = 100;

/**
 * Text of somebody else's making as it may stand in a message or a line of a log: in double quotes, at most 100 characters, and
 * with nothing in it that a terminal would act on.
 */
export function quote(text: string): string {
  const shown = text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text;
  // JSON escapes C0 and lone surrogates, but neither C1, DEL, the line separators nor what turns the direction of writing.
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** JSON that would lose something in being read, refused with its line. */
import { type JsonLoss, lossOf } from '../../json-loss.ts';
import { lineAt, lineError } from './format.ts';

const problems: Readonly<Record<JsonLoss['kind'], string>> = {
  twice: 'a name is given twice',
  inexact: 'a number is too large to be kept exactly; write it in quotes',
};

/** @param text valid JSON. Throws `invalid_request` with the line. */
export function scanJson(text: string): void {
  const loss = lossOf(text);
  if (loss !== undefined) throw lineError(lineAt(text, loss.index), problems[loss.kind]);
}

/** Names of secrets in the table. What is there is read under whatever name it has; a new name has to be a plain one. */
import { CofferError } from '../errors.ts';
import { ownName } from './item.ts';

/** Bytes: DynamoDB's limit on a partition key. */
const longest = 2_048;

/** Throws `usage` for a new name that would be taken for another, by people or by programs. */
export function requireWritableName(name: string): void {
  const problem = problemOf(name);
  if (problem !== undefined) throw new CofferError('usage', problem);
}

/** Whether no secret can have this name, so that nobody has to be asked: DynamoDB refuses the question itself. */
export function isNobodys(name: string): boolean {
  return name === '' || name === ownName || Buffer.byteLength(name) > longest;
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'a name must not be empty';
  if (name === ownName) return `the name ${ownName} is the table's own`;
  if (!name.isWellFormed()) return 'a name must be valid Unicode text';
  if (Buffer.byteLength(name) > longest) return `a name must have at most ${longest} bytes`;
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) {
    return 'a new name must not have line ends, control characters or characters that do not show';
  }
  // The two spellings of a letter with an accent are two keys for DynamoDB, and one word for whoever reads a list.
  if (name.normalize('NFC') !== name)
    return 'a new name must be in the Unicode form NFC: it looks like another one';
  return undefined;
}

/**
 * Statements as they are sent: a text, a list of texts, or either in base64 (Vault API, database roles). A comma is none of
 * the separators: statements are full of them.
 */
import { CofferError } from '../../errors.ts';
import type { JsonValue } from '../../json.ts';
import { longestStatement, mostStatements, unknownPlaces } from './statement.ts';

/** Undefined when nothing was sent. Throws `invalid_request`, naming the field. */
export function parseStatements(name: string, sent: JsonValue | undefined): readonly string[] | undefined {
  if (sent === undefined || sent === null) return undefined;
  const list = Array.isArray(sent) ? sent : listIn(typeof sent === 'string' ? sent : undefined);
  const wrong = (why: string) => new CofferError('invalid_request', `${name} ${why}`);
  if (list === undefined || list.length > mostStatements)
    throw wrong(`is a text or a list of at most ${mostStatements} texts`);
  const statements: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string' || item.length > longestStatement) {
      throw wrong(`has texts of at most ${longestStatement} characters`);
    }
    if (item.includes('\0') || !item.isWellFormed()) throw wrong('has no NUL and no half characters');
    if (unknownPlaces(item).length > 0) {
      throw wrong(
        'has a place that is not known: there are {{name}}, {{username}}, {{password}} and {{expiration}}',
      );
    }
    if (item.trim() !== '') statements.push(item);
  }
  return statements;
}

function listIn(text: string | undefined): readonly JsonValue[] | undefined {
  if (text === undefined) return undefined;
  const plain = fromBase64(text.trim()) ?? text;
  if (!plain.trimStart().startsWith('[')) return [plain];
  try {
    const parsed = JSON.parse(plain) as JsonValue;
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return [plain];
  }
}

/** No statement is made of these letters alone: they have blanks. What is no text behind them is not base64. */
function fromBase64(text: string): string | undefined {
  if (text.length < 8 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64'));
  } catch {
    return undefined;
  }
}

/** From a notice to a letter: what callers chose is bounded, and made lines that no protocol takes for more than a line. */
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Letter } from '../../notifier/notifier.ts';
import type { Notice } from '../notices.ts';

const longestSubject = 200;
const longestValue = 500;
const mostFields = 32;
/** UTF-8 bytes of all fields: letters for every notifier go into one commit. */
const mostBytes = 8 * 1024;

/** @param at milliseconds; letters of later times have greater ids */
export function makeLetter({ kind, subject, fields }: Notice, at: number, random: Random): Letter {
  if (!/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(kind) || kind.length > 80) {
    throw new CofferError('internal', 'a notice has no kind');
  }
  const id = `${String(at).padStart(13, '0')}-${randomBase62(random, 16)}`;
  return { id, at, kind, subject: line(subject, longestSubject), fields: boundedFields(fields) };
}

function boundedFields(fields: Notice['fields']): Letter['fields'] {
  const bounded: Record<string, string> = Object.create(null);
  const named = Object.entries(fields).filter(([name]) => /^[a-z][a-z0-9_]{0,63}$/.test(name));
  let bytes = 0;
  for (const [at, [name, value]] of named.entries()) {
    const text = line(value, longestValue);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
    if (at >= mostFields || bytes > mostBytes) {
      bounded['left_out'] = `${named.length - at} more`;
      break;
    }
    bounded[name] = text;
  }
  return bounded;
}

/** Control characters, line ends of Unicode and what turns the direction of text are blanks; halves of characters are none. */
function line(text: string, longest: number): string {
  const clean = text
    .slice(0, longest * 2)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')
    .trim();
  const characters = [...clean.slice(0, longest + 2)];
  return clean.length <= longest ? clean : `${characters.slice(0, longest - 1).join('')}…`;
}

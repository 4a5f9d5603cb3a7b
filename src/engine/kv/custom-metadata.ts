/** Texts of people's own beside a secret: what may be among them. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';

/** Bytes of UTF-8 a key and a value. */
const longest = { keys: 64, key: 128, value: 512 };

/** Controls, format characters, unassigned ones, and every blank but the ordinary one: what Go does not print. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Numbers and booleans count as their text. Throws `invalid_request` for what is no text, and beyond the limits. */
export function parseCustomMetadata(sent: JsonObject): Readonly<Record<string, string>> {
  const entries = Object.entries(sent);
  if (entries.length > longest.keys) throw refused(`has at most ${longest.keys} keys`);
  const texts: Record<string, string> = Object.create(null);
  for (const [key, value] of entries) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw refused('is an object of texts');
    }
    const text = String(value);
    if (!fits(key, longest.key) || !fits(text, longest.value)) {
      throw refused(`has keys of 1 to ${longest.key} bytes and values of 1 to ${longest.value}`);
    }
    if (unprintable.test(key) || unprintable.test(text)) throw refused('holds printable text only');
    texts[key] = text;
  }
  return texts;
}

function fits(text: string, most: number): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= most;
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', `custom_metadata validation failed: it ${reason}`);
}

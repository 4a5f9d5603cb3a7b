/** The text in an extension of somebody's own. */
import { firstElement } from './der.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of one element that is a string (UTF8String, PrintableString or IA5String); undefined for everything else, for bytes
 * that are no text, and for control characters.
 */
export function textIn(der: Buffer): string | undefined {
  try {
    const { tag, content, whole } = firstElement(der);
    if (whole.length !== der.length) return undefined;
    const text =
      tag === 0x0c ? utf8.decode(content) : tag === 0x13 || tag === 0x16 ? ascii(content) : undefined;
    return text === undefined || /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function ascii(bytes: Buffer): string | undefined {
  return bytes.every((byte) => byte < 0x80) ? bytes.toString('latin1') : undefined;
}

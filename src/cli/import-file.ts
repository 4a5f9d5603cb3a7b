/** The text that `import` takes in: a file or standard input, whole and valid. */

import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { CofferError } from '../errors.ts';
import { lineError } from './format/format.ts';
import { systemReason } from './private-file.ts';
import type { Shell } from './shell.ts';

/** Bytes. */
const longest = 32 * 1024 * 1024;

/** Throws `usage` for a file that cannot be read, `payload_too_large`, `invalid_request` with the line of what is no text. */
export async function readImport(shell: Shell, file: string): Promise<string> {
  const bytes = await readBytes(file === '-' ? shell.stdin : createReadStream(file), file);
  const nul = bytes.indexOf(0);
  if (nul !== -1) throw lineError(lineIn(bytes, nul), 'a NUL character; this is no text');
  if (!isUtf8(bytes)) throw lineError(lineIn(bytes, firstInvalid(bytes)), 'this is not valid UTF-8');
  const text = bytes.toString('utf8');
  // The mark that some editors put in front is no part of the first name.
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

async function readBytes(stream: AsyncIterable<Buffer | string>, file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      size += bytes.length;
      if (size > longest)
        throw new CofferError('payload_too_large', `what is to be imported is longer than ${longest} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    if (error instanceof CofferError) throw error;
    throw new CofferError('usage', `cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
  return Buffer.concat(chunks);
}

function lineIn(bytes: Buffer, at: number): number {
  let line = 1;
  for (let next = bytes.indexOf(0x0a); next !== -1 && next < at; next = bytes.indexOf(0x0a, next + 1)) line++;
  return line;
}

/** By halving: a beginning is valid up to some line, and no longer one behind it. */
function firstInvalid(bytes: Buffer): number {
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isUtf8(bytes.subarray(0, endOfCharacter(bytes, middle)))) valid = middle;
    else invalid = middle;
  }
  return valid;
}

/** A cut inside of a character would look like an error: up to three more bytes belong to it. */
function endOfCharacter(bytes: Buffer, at: number): number {
  let end = at;
  while (end < bytes.length && end < at + 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end++;
  return end;
}

/** What PostgreSQL keeps of a password: the server takes it in place of the password, and never sees that (RFC 5803, RFC 7677). */
import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { CofferError } from '../errors.ts';
import type { Random } from './random.ts';

/** PostgreSQL's own measure. */
const iterations = 4_096;
const saltBytes = 16;
const derive = promisify(pbkdf2);

/** Throws `invalid_request` for a password that SASLprep might change (RFC 4013): those made here never are. */
export async function scramVerifier(password: string, random: Random): Promise<string> {
  if (!/^[\x21-\x7e]{1,256}$/.test(password)) {
    throw new CofferError(
      'invalid_request',
      'scram-sha-256 takes passwords of at most 256 ASCII letters and signs',
    );
  }
  const salt = random.bytes(saltBytes);
  const salted = await derive(password, salt, iterations, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const server = keyed('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${server}`;
}

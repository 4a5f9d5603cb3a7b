/** Text encodings (RFC 7468): base64 between two lines that say what it is. */
import { CofferError } from '../../errors.ts';

/**
 * The DER of each block with this label, in order; what stands between blocks is passed over (RFC 7468 §2). Throws
 * `invalid_request` for blocks of another kind, above all private keys, and for more than `most` of them.
 */
export function decodePem(text: string, label: string, most: number): readonly Buffer[] {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,60})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g)];
  const begun = text.split('-----BEGIN ').length - 1;
  if (blocks.length !== begun) throw refuse(`the text holds a PEM block that cannot be read`);
  if (blocks.some(([, found]) => found !== label)) {
    throw refuse(`only blocks of ${label} are taken; leave keys and everything else out`);
  }
  if (blocks.length > most) throw refuse(`at most ${most} blocks of ${label} are taken`);
  return blocks.map(([, , body = '']) => {
    const bare = body.replace(/\s/g, '');
    const der = Buffer.from(bare, 'base64');
    if (der.length === 0 || der.toString('base64') !== bare)
      throw refuse(`a block of ${label} is not base64`);
    return der;
  });
}

function refuse(why: string): CofferError {
  return new CofferError('invalid_request', why);
}

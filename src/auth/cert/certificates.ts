/** The certificates of a role: what is accepted when it is written. */
import type { ParsedCertificate } from '../../crypto/x509/certificate.ts';
import { decodePem } from '../../crypto/x509/pem.ts';
import { CofferError } from '../../errors.ts';

/** Authorities of one role. */
const mostCertificates = 20;
/** Characters of a role's PEM text. */
const longestPem = 100 * 1024;

/** What a role's PEM text holds. Loads the library for certificates: it takes longer than a start should. */
export async function parseBundle(pem: string): Promise<readonly ParsedCertificate[]> {
  if (pem.length > longestPem) throw refuse(`certificate has at most ${longestPem} characters`);
  const { parseCertificate } = await import('../../crypto/x509/certificate.ts');
  return decodePem(pem, 'CERTIFICATE', mostCertificates).map(parseCertificate);
}

/**
 * The same, for a role that is being written: certificates of authorities, or one of a client. Throws `invalid_request` for what
 * nobody could log in by, saying why.
 */
export async function checkBundle(pem: string, now: number): Promise<readonly ParsedCertificate[]> {
  const found = await parseBundle(pem);
  if (found.length === 0)
    throw refuse('failed to parse certificate: it is a PEM text that holds one or more');
  if (found.length > 1 && found.some(({ isAuthority }) => !isAuthority)) {
    throw refuse(
      'a role takes certificates of authorities, or one of a client: not both, and not two clients',
    );
  }
  const { isStrongKey } = await import('../../crypto/x509/signature.ts');
  const { uncheckedDemand } = await import('../../crypto/x509/chain.ts');
  for (const one of found) {
    const unchecked = uncheckedDemand(one);
    if (!isStrongKey(one.publicKey)) {
      throw refuse('the certificate’s key is too weak: RSA from 2048 bits, P-256, P-384, P-521 or Ed25519');
    }
    if (unchecked !== undefined) {
      throw refuse(`the certificate has the extension ${unchecked}, which is not checked here`);
    }
    if (one.notAfter < now) throw refuse('the certificate has expired');
    if (one.isAuthority && one.keyUsage?.includes('keyCertSign') === false) {
      throw refuse('the authority’s certificate is not for signing certificates (keyCertSign)');
    }
  }
  return found;
}

function refuse(why: string): CofferError {
  return new CofferError('invalid_request', why);
}

/** A listener's certificate and key, read from their files and checked. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsSettings } from '../config/settings.ts';
import { CofferError } from '../errors.ts';
import { checkMaterial, type TlsMaterial } from '../http/tls.ts';
import { laxKeyFile } from './private-place.ts';

export interface Certificate {
  readonly material: TlsMaterial;
  /** For people: whom it names, and until when. */
  readonly names: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** SHA-256 of the certificate, in hex with colons. */
  readonly fingerprint: string;
}

const longestFile = 1024 * 1024;

/** Throws `usage` for a missing or unreadable file, one that is no PEM, a key of another certificate, or a key that others may read. */
export function readCertificate(settings: TlsSettings): Certificate {
  const lax = laxKeyFile(settings.key);
  if (lax !== undefined) throw new CofferError('usage', lax);
  const certificate = readPem(settings.certificate);
  const key = readPem(settings.key);
  const leaf = parsed(settings.certificate, 'certificate', () => new X509Certificate(certificate));
  const privateKey = parsed(settings.key, 'unencrypted private key', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new CofferError('usage', `the key in ${settings.key} is not that of ${settings.certificate}`);
  }
  const material = { certificate, key, minimumVersion: settings.minimumVersion };
  checkMaterial(material);
  return {
    material,
    names: leaf.subjectAltName ?? leaf.subject,
    notAfter: Date.parse(leaf.validTo),
    fingerprint: leaf.fingerprint256,
  };
}

function readPem(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= longestFile) return bytes;
  } catch (cause) {
    throw new CofferError('usage', `cannot read ${path}`, { cause });
  }
  throw new CofferError('usage', `${path} is larger than ${longestFile} bytes`);
}

/** OpenSSL's reason stays the cause: it is no text for people. */
function parsed<T>(path: string, what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new CofferError('usage', `${path} holds no ${what} in PEM`, { cause });
  }
}

/** TLS of a listener. */

import type { ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type DetailedPeerCertificate, type SecureVersion, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../core/request.ts';
import { CofferError } from '../errors.ts';

/** PEM texts: the certificate with its intermediates, and its key. */
export interface TlsMaterial {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly minimumVersion: SecureVersion;
}

/**
 * A certificate is asked of every client and demanded of none: who shows one is known to hold its key, and whether anybody
 * trusts it is for an auth method to say. HTTP/1.1 is the only protocol offered (RFC 7301).
 */
export function createTlsServer(
  material: TlsMaterial,
  options: ServerOptions,
  handshakeMilliseconds: number,
): Server {
  return createServer({
    ...options,
    ...context(material),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: handshakeMilliseconds,
  });
}

/** New connections get the new certificate; those that are open keep theirs. Throws `usage`, and then nothing has changed. */
export function changeCertificate(server: Server, material: TlsMaterial): void {
  checkMaterial(material);
  server.setSecureContext(context(material));
}

/** Throws `usage` for what is no certificate with its key. OpenSSL's own reason goes along as the cause. */
export function checkMaterial(material: TlsMaterial): void {
  try {
    createSecureContext(context(material));
  } catch (cause) {
    throw new CofferError('usage', 'certificate and key cannot be used for TLS together', { cause });
  }
}

function context({ certificate, key, minimumVersion }: TlsMaterial) {
  return { cert: certificate, key, minVersion: minimumVersion };
}

/** What a request over this socket has to say of its client's certificate: nothing without TLS. */
export function clientCertificate(socket: Socket): { readonly clientCertificate?: ClientCertificate } {
  return socket instanceof TLSSocket ? { clientCertificate: () => shownCertificates(socket) } : {};
}

/** Certificates taken of what a client sends along. */
const mostShown = 10;

function shownCertificates(socket: TLSSocket): readonly Buffer[] | undefined {
  const shown: Buffer[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (Buffer.isBuffer(certificate?.raw) && shown.length < mostShown) {
    shown.push(certificate.raw);
    // The last one, where it issued itself, has itself as its issuer.
    const { issuerCertificate }: { readonly issuerCertificate?: DetailedPeerCertificate } = certificate;
    certificate = issuerCertificate === certificate ? undefined : issuerCertificate;
  }
  return shown.length === 0 ? undefined : shown;
}

/** Certificates for tests, made when they are needed: self-signed, on P-256, in DER by hand (RFC 5280 §4.1). */
import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';

export interface TestCertificate {
  readonly certificate: string;
  /** PKCS #8 in PEM. */
  readonly key: string;
  readonly der: Buffer;
}

/** For `localhost` and 127.0.0.1, good for a day around now; good as its own authority. */
export function makeCertificate(commonName: string): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid('2a8648ce3d040302')); // ecdsa-with-SHA256
  const day = 86_400_000;
  const name = sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))));
  const body = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(Date.now() - day), time(Date.now() + day)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(alternativeNames(), authority())),
  );
  const signature = sign('sha256', body, privateKey);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return { certificate: new X509Certificate(der).toString(), key: pem(privateKey), der };
}

function alternativeNames(): Buffer {
  const names = sequence(tlv(0x82, Buffer.from('localhost')), tlv(0x87, Buffer.from([127, 0, 0, 1])));
  return sequence(oid('551d11'), tlv(0x04, names));
}

function authority(): Buffer {
  const critical = tlv(0x01, Buffer.from([0xff]));
  return sequence(oid('551d13'), critical, tlv(0x04, sequence(critical)));
}

export function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes =
    length < 128
      ? []
      : length < 256
        ? [0x81]
        : length < 65_536
          ? [0x82, length >> 8]
          : [0x83, length >> 16, length >> 8];
  const size = [...bytes, length].map((byte, index) =>
    index === 0 && bytes.length > 0 ? byte : byte & 0xff,
  );
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

export function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

export function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return tlv(0x17, Buffer.from(digits.slice(2)));
}

export function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

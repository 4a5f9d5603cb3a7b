/** Instance identity documents signed by a certificate of the tests, in the form that AWS gives them; and in forms that it does not. */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { sequence, tlv } from './certificate.ts';

export interface IdentityDocumentFields {
  readonly accountId: string;
  readonly region: string;
  readonly instanceId: string;
  readonly imageId: string;
  readonly pendingTime: string;
}

export interface Bending {
  /** Put into the signed data in place of what was signed. */
  readonly content?: Buffer;
  readonly signers?: number;
  readonly digest?: 'sha1' | 'sha256';
  readonly contentType?: string;
  readonly outerType?: string;
  /** Names of signed attributes that are left out. */
  readonly without?: readonly string[];
  /** Names of signed attributes that are there twice. */
  readonly twice?: readonly string[];
  readonly key?: KeyObject;
}

const oids = {
  signedData: '2a864886f70d010702',
  data: '2a864886f70d010701',
  contentType: '2a864886f70d010903',
  messageDigest: '2a864886f70d010904',
  signingTime: '2a864886f70d010905',
  sha1: '2b0e03021a',
  sha256: '608648016503040201',
  rsaWithSha1: '2a864886f70d010105',
  rsaWithSha256: '2a864886f70d01010b',
  commonName: '550403',
} as const;

export class IdentityAuthority {
  readonly #key: KeyObject;
  readonly #serial = Buffer.concat([Buffer.from([0x40]), randomBytes(8)]);
  readonly #name: Buffer;
  /** PEM. */
  readonly certificate: string;

  constructor(name = 'identity of tests', bits = 2_048) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
    this.#key = privateKey;
    this.#name = sequence(tlv(0x31, sequence(oid(oids.commonName), tlv(0x0c, Buffer.from(name)))));
    const algorithm = sequence(oid(oids.rsaWithSha256), tlv(0x05, Buffer.alloc(0)));
    const body = sequence(
      tlv(0xa0, integer(Buffer.from([2]))),
      integer(this.#serial),
      algorithm,
      this.#name,
      sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x17, Buffer.from('490101000000Z'))),
      this.#name,
      publicKey.export({ type: 'spki', format: 'der' }),
    );
    const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]));
    this.certificate = new X509Certificate(sequence(body, algorithm, signature)).toString();
  }

  /** As the address `rsa2048` answers it, without line breaks. */
  pkcs7(document: IdentityDocumentFields | Buffer, bending: Bending = {}): string {
    return this.der(document, bending).toString('base64');
  }

  der(document: IdentityDocumentFields | Buffer, bending: Bending = {}): Buffer {
    const content = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document, null, 2));
    const { digest = 'sha256', signers = 1 } = bending;
    const held = open(0x24, tlv(0x04, bending.content ?? content));
    const signed = open(
      0x30,
      integer(Buffer.from([1])),
      tlv(0x31, sequence(oid(oids[digest]), tlv(0x05, Buffer.alloc(0)))),
      open(0x30, oid(oids.data), open(0xa0, held)),
      tlv(0x31, Buffer.concat(Array.from({ length: signers }, () => this.#signer(content, bending)))),
    );
    return open(0x30, oid(bending.outerType ?? oids.signedData), open(0xa0, signed));
  }

  /** The document and its signature beside it, both in base64. */
  detached(document: IdentityDocumentFields): { readonly identity: string; readonly signature: string } {
    const bytes = Buffer.from(JSON.stringify(document));
    return {
      identity: bytes.toString('base64'),
      signature: sign('sha256', bytes, this.#key).toString('base64'),
    };
  }

  #signer(
    content: Buffer,
    { digest = 'sha256', contentType, without = [], twice = [], key }: Bending,
  ): Buffer {
    const all: Readonly<Record<string, Buffer>> = {
      contentType: attribute(oids.contentType, oid(contentType ?? oids.data)),
      signingTime: attribute(oids.signingTime, tlv(0x17, Buffer.from('261122120000Z'))),
      messageDigest: attribute(oids.messageDigest, tlv(0x04, createHash(digest).update(content).digest())),
    };
    const names = Object.keys(all).filter((name) => !without.includes(name));
    const list = [...names, ...twice].map((name) => all[name] ?? Buffer.alloc(0)).toSorted(Buffer.compare);
    const attributes = Buffer.concat(list);
    const signature = sign(digest, tlv(0x31, attributes), key ?? this.#key);
    const none = tlv(0x05, Buffer.alloc(0));
    return sequence(
      integer(Buffer.from([1])),
      sequence(this.#name, integer(this.#serial)),
      sequence(oid(oids[digest]), none),
      ...(attributes.length === 0 ? [] : [tlv(0xa0, attributes)]),
      sequence(oid(digest === 'sha256' ? oids.rsaWithSha256 : oids.rsaWithSha1), none),
      tlv(0x04, signature),
    );
  }
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(oid(type), tlv(0x31, value));
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

/** An element whose length is left open (BER), as AWS makes them. */
export function open(tag: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.alloc(2)]);
}

/** Authorities of tests: certificates and revocation lists with whatever is in them, in DER by hand (RFC 5280). */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { oid, pem, sequence, time, tlv } from './certificate.ts';

export interface Holder {
  readonly certificate: string;
  /** PKCS #8 in PEM. */
  readonly key: string;
  readonly der: Buffer;
  /** Its subject in DER. */
  readonly name: Buffer;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Wish {
  readonly commonName?: string;
  /** The whole subject, in place of one with a common name. */
  readonly subject?: Buffer;
  readonly organizationalUnit?: string;
  /** A holder's key that is used once more. */
  readonly keyOf?: Holder;
  readonly keyType?: 'P-256' | 'RSA-1024' | 'RSA-2048';
  readonly serial?: string;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly hash?: 'sha1' | 'sha256';
  /** Undefined leaves basic constraints out. */
  readonly authority?: boolean;
  readonly pathLength?: number;
  /** Bits from the left: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign. */
  readonly keyUsage?: number;
  /** In hex, below 1.3.6.1.5.5.7.3 when one byte long. */
  readonly purposes?: readonly string[];
  readonly dns?: readonly string[];
  readonly emails?: readonly string[];
  readonly uris?: readonly string[];
  /** Further extensions in DER. */
  readonly extensions?: readonly Buffer[];
}

const day = 86_400_000;
let count = 0;

/** A certificate; issued by itself where no issuer is given. */
export function issue(wish: Wish, issuer?: Holder): Holder {
  const keys = wish.keyOf ?? newKeys(wish.keyType ?? 'P-256');
  const signer = issuer?.privateKey ?? keys.privateKey;
  const hash = wish.hash ?? 'sha256';
  const subject = wish.subject ?? nameOf(wish.commonName, wish.organizationalUnit);
  const algorithm = signatureAlgorithm(signer, hash);
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from(wish.serial ?? (0x40_00_00_00 + count++).toString(16), 'hex')),
    algorithm,
    issuer?.name ?? subject,
    sequence(time(wish.notBefore ?? Date.now() - day), time(wish.notAfter ?? Date.now() + day)),
    subject,
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...extensionsOf(wish),
  );
  const der = sequence(body, algorithm, bits(sign(hash, body, signer)));
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    key: pem(keys.privateKey),
    der,
    name: subject,
    privateKey: keys.privateKey,
    publicKey: keys.publicKey,
  };
}

/** An authority that has all that one needs. */
export function issueAuthority(commonName: string, issuer?: Holder, wish: Wish = {}): Holder {
  return issue({ commonName, authority: true, keyUsage: 0x06, ...wish }, issuer);
}

/** A client's certificate that has all that one needs. */
export function issueClient(commonName: string, issuer: Holder, wish: Wish = {}): Holder {
  return issue({ commonName, keyUsage: 0x80, purposes: ['02'], ...wish }, issuer);
}

/** A revocation list of `issuer` with serial numbers in hex, as PEM. */
export function revoke(
  issuer: Holder,
  serials: readonly string[],
  wish: { readonly extensions?: readonly Buffer[]; readonly signer?: Holder } = {},
): string {
  const signer = wish.signer ?? issuer;
  const algorithm = signatureAlgorithm(signer.privateKey, 'sha256');
  const entries = serials.map((serial) =>
    sequence(tlv(0x02, Buffer.from(serial, 'hex')), time(Date.now() - day)),
  );
  const body = sequence(
    tlv(0x02, Buffer.from([1])),
    algorithm,
    issuer.name,
    time(Date.now() - day),
    time(Date.now() + day),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(wish.extensions === undefined ? [] : [tlv(0xa0, sequence(...wish.extensions))]),
  );
  const der = sequence(body, algorithm, bits(sign('sha256', body, signer.privateKey)));
  return `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
}

/** An extension's DER. `id` and `value` are hex and DER. */
export function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

export function utf8(text: string): Buffer {
  return tlv(0x0c, Buffer.from(text));
}

/** A subject of attributes: object identifiers in hex, and values in DER. */
export function nameFrom(...attributes: readonly (readonly [id: string, value: Buffer])[]): Buffer {
  return sequence(...attributes.map(([id, value]) => tlv(0x31, sequence(oid(id), value))));
}

function nameOf(commonName: string | undefined, unit: string | undefined): Buffer {
  return nameFrom(
    ...(unit === undefined ? [] : [['55040b', utf8(unit)] as const]),
    ...(commonName === undefined ? [] : [['550403', utf8(commonName)] as const]),
  );
}

function newKeys(type: NonNullable<Wish['keyType']>): {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
} {
  if (type === 'P-256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: type === 'RSA-1024' ? 1024 : 2048 });
}

function signatureAlgorithm(key: KeyObject, hash: 'sha1' | 'sha256'): Buffer {
  const nothing = tlv(0x05, Buffer.alloc(0));
  if (key.asymmetricKeyType === 'rsa')
    return sequence(oid(hash === 'sha1' ? '2a864886f70d010105' : '2a864886f70d01010b'), nothing);
  return sequence(oid(hash === 'sha1' ? '2a8648ce3d0401' : '2a8648ce3d040302'));
}

function extensionsOf(wish: Wish): readonly Buffer[] {
  const { authority, pathLength, keyUsage, purposes, dns = [], emails = [], uris = [] } = wish;
  const names = [
    ...emails.map((text) => tlv(0x81, Buffer.from(text, 'latin1'))),
    ...dns.map((text) => tlv(0x82, Buffer.from(text, 'latin1'))),
    ...uris.map((text) => tlv(0x86, Buffer.from(text, 'latin1'))),
  ];
  const truth = tlv(0x01, Buffer.from([0xff]));
  const length = pathLength === undefined ? [] : [tlv(0x02, Buffer.from([pathLength]))];
  const all = [
    ...(authority === undefined
      ? []
      : [extension('551d13', sequence(...(authority ? [truth] : []), ...length), true)]),
    ...(keyUsage === undefined ? [] : [extension('551d0f', tlv(0x03, Buffer.from([1, keyUsage])), true)]),
    ...(purposes === undefined
      ? []
      : [
          extension(
            '551d25',
            sequence(...purposes.map((id) => oid(id.length === 2 ? `2b060105050703${id}` : id))),
          ),
        ]),
    ...(names.length === 0 ? [] : [extension('551d11', sequence(...names))]),
    ...(wish.extensions ?? []),
  ];
  return all.length === 0 ? [] : [tlv(0xa3, sequence(...all))];
}

function bits(bytes: Buffer): Buffer {
  return tlv(0x03, Buffer.concat([Buffer.from([0]), bytes]));
}

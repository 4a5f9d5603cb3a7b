/** Signed data as an ASN.1 library reads it, in our words. */
import {
  Attribute as AttributeSyntax,
  ContentInfo,
  id_signedData,
  SignedData as SignedDataSyntax,
} from '@peculiar/asn1-cms';
import { AsnArray, AsnParser, AsnSerializer, AsnType, AsnTypeTypes } from '@peculiar/asn1-schema';
import { CofferError } from '../../errors.ts';
import { malformed } from './ber.ts';

export interface Attribute {
  readonly type: string;
  /** Each in DER. */
  readonly values: readonly Buffer[];
}

export interface Signer {
  /** Hex in lower case, without leading zeros. */
  readonly serial: string;
  /** Object identifiers. */
  readonly digest: string;
  readonly signature: string;
  readonly attributes: readonly Attribute[];
  /** What the signature covers: the attributes, encoded as a set. */
  readonly signed: Buffer;
  readonly value: Buffer;
}

export interface SignedSyntax {
  readonly contentType: string;
  /** The element that holds it. */
  readonly content: Buffer;
  readonly signer: Signer;
}

/** Throws, `invalid_request` or whatever the library throws, for what is no signed data of one signer with signed attributes. */
export function parseSyntax(der: Buffer): SignedSyntax {
  const info = AsnParser.parse(der, ContentInfo);
  if (info.contentType !== id_signedData) throw malformed();
  const data = AsnParser.parse(info.content, SignedDataSyntax);
  const [signer, another] = data.signerInfos;
  if (signer === undefined || another !== undefined) throw refused('it has not exactly one signer');
  const attributes = signer.signedAttrs ?? [];
  if (attributes.length === 0) throw refused('it has no signed attributes');
  const serial = signer.sid.issuerAndSerialNumber?.serialNumber;
  const content = data.encapContentInfo.eContent;
  const whole = content?.any ?? (content?.single && AsnSerializer.serialize(content.single));
  if (serial === undefined || whole === undefined) throw malformed();
  const read: readonly Attribute[] = attributes.map(({ attrType, attrValues }) => ({
    type: attrType,
    values: attrValues.map((value) => Buffer.from(value)),
  }));
  return {
    contentType: data.encapContentInfo.eContentType,
    content: Buffer.from(whole),
    signer: {
      serial: Buffer.from(serial).toString('hex').replace(/^0+/, ''),
      digest: signer.digestAlgorithm.algorithm,
      signature: signer.signatureAlgorithm.algorithm,
      attributes: read,
      signed: encodedAsSet(read),
      value: Buffer.from(signer.signature.buffer),
    },
  };
}

class SetOfAttributes extends AsnArray<AttributeSyntax> {
  constructor(items?: AttributeSyntax[]) {
    super(items);
    // The library's arrays make plain ones of what extends them.
    Object.setPrototypeOf(this, SetOfAttributes.prototype);
  }
}
AsnType({ type: AsnTypeTypes.Set, itemType: AttributeSyntax })(SetOfAttributes);

/** RFC 5652 §5.4. It is made of what was read, so that nothing else can be read than what was signed. */
function encodedAsSet(attributes: readonly Attribute[]): Buffer {
  const set = attributes.map(
    ({ type, values }) =>
      new AttributeSyntax({
        attrType: type,
        attrValues: values.map((value) => Uint8Array.from(value).buffer),
      }),
  );
  return Buffer.from(AsnSerializer.serialize(new SetOfAttributes(set)));
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', `the signed data is refused: ${reason}`);
}

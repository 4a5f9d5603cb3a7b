/** KMS, as far as Coffer uses it: wrapping small keys under a key that never leaves it. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { KmsService } from './kms-service.ts';

/** Bound to the ciphertext and needed to open it again; in the clear in CloudTrail. */
export type EncryptionContext = Readonly<Record<string, string>>;

export interface KmsKey {
  /** The key's own ARN, also where an alias was asked for. */
  readonly arn: string;
  /** `Enabled`, `Disabled`, `PendingDeletion`, … */
  readonly state: string;
  /** `ENCRYPT_DECRYPT`, `SIGN_VERIFY`, … */
  readonly usage: string;
  /** `SYMMETRIC_DEFAULT`, `RSA_2048`, … */
  readonly spec: string;
  readonly multiRegion: boolean;
}

export interface KmsDataKey {
  /** The caller's, to use and to zero. */
  readonly plaintext: Buffer;
  readonly ciphertext: Buffer;
  readonly keyArn: string;
}

/**
 * A key is named as KMS names it: id, ARN, `alias/NAME`, or an alias's ARN. Every call rejects with `AwsError` (see `awsError`
 * for what it says), and has a deadline.
 */
export interface KmsClient {
  /** At most 4,096 bytes. */
  encrypt(request: {
    readonly key: string;
    readonly plaintext: Buffer;
    readonly context: EncryptionContext;
  }): Promise<{ readonly ciphertext: Buffer; readonly keyArn: string }>;
  /**
   * Without `key` KMS takes the key that made the ciphertext, whichever that is. The plaintext is the caller's, to use and to
   * zero. Reasons to expect besides the usual: `bad-ciphertext`, `wrong-key`.
   */
  decrypt(request: {
    readonly key?: string | undefined;
    readonly ciphertext: Buffer;
    readonly context: EncryptionContext;
  }): Promise<{ readonly plaintext: Buffer; readonly keyArn: string }>;
  /** A fresh key of 1 to 1,024 bytes. */
  generateDataKey(request: {
    readonly key: string;
    readonly bytes: number;
    readonly context: EncryptionContext;
  }): Promise<KmsDataKey>;
  describeKey(key: string): Promise<KmsKey>;
  /** Where it asks; undefined while that is not known. */
  region(): Promise<string | undefined>;
  /** Loads what a call will need, for whoever knows that one is coming and has to wait for something else first. */
  prepare(): void;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function kmsClient(options: AwsOptions): KmsClient {
  const kms = new KmsService(options);
  return {
    async encrypt({ key, plaintext, context }) {
      const input = { KeyId: key, Plaintext: plaintext, EncryptionContext: { ...context } };
      const { CiphertextBlob, KeyId } = await kms.ask('Encrypt', about('Encrypt', key), input);
      return { ciphertext: bytesOf(CiphertextBlob), keyArn: textOf(KeyId) };
    },
    async decrypt({ key, ciphertext, context }) {
      const input = {
        CiphertextBlob: ciphertext,
        EncryptionContext: { ...context },
        ...(key === undefined ? {} : { KeyId: key }),
      };
      const { Plaintext, KeyId } = await kms.ask('Decrypt', about('Decrypt', key), input);
      return { plaintext: bytesOf(Plaintext), keyArn: textOf(KeyId) };
    },
    async generateDataKey({ key, bytes, context }) {
      const input = { KeyId: key, NumberOfBytes: bytes, EncryptionContext: { ...context } };
      const answer = await kms.ask('GenerateDataKey', about('GenerateDataKey', key), input);
      const { Plaintext, CiphertextBlob, KeyId } = answer;
      return { plaintext: bytesOf(Plaintext), ciphertext: bytesOf(CiphertextBlob), keyArn: textOf(KeyId) };
    },
    async describeKey(key) {
      const { KeyMetadata } = await kms.ask('DescribeKey', about('DescribeKey', key), { KeyId: key });
      return {
        arn: textOf(KeyMetadata?.Arn),
        state: textOf(KeyMetadata?.KeyState),
        usage: textOf(KeyMetadata?.KeyUsage),
        spec: textOf(KeyMetadata?.KeySpec),
        multiRegion: KeyMetadata?.MultiRegion === true,
      };
    },
    region: () => kms.region(),
    prepare: () => kms.prepare(),
    close: () => kms.close(),
  };
}

function about(operation: string, key: string | undefined) {
  return {
    action: `kms:${operation}`,
    resource: key === undefined ? 'the key of the ciphertext' : `key ${key}`,
  };
}

/** The same bytes, so that zeroing them leaves none behind. */
function bytesOf(bytes: unknown): Buffer {
  if (!(bytes instanceof Uint8Array)) throw incomplete();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(text: unknown): string {
  if (typeof text !== 'string') throw incomplete();
  return text;
}

function incomplete(): AwsError {
  return new AwsError('aws-fault', 'KMS answered without what it was asked for; try again');
}

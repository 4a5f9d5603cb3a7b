/** What dssss leaves in the Parameter Store: its config and its records, sealed as it seals them. */
import { randomBytes } from 'node:crypto';
import { secretbox } from '@noble/ciphers/salsa.js';
import type { JsonValue } from '../../src/json.ts';
import type { Moto } from '../setup/moto.ts';

function box(key: Uint8Array, content: Uint8Array): Buffer {
  const nonce = randomBytes(24);
  return Buffer.concat([nonce, secretbox(key, nonce).seal(content)]);
}

/** A record's text, with a list of roles that may be anything. */
export function sealedRecord(master: Uint8Array, secret: string, roles: JsonValue): string {
  const key = randomBytes(32);
  const inner = { RoleList: roles, SecretCiphertext: box(key, Buffer.from(secret)).toString('base64') };
  const record = {
    Bytes: box(key, Buffer.from(JSON.stringify(inner))).toString('base64'),
    KeyCiphertext: box(master, key).toString('base64'),
  };
  return JSON.stringify(record, null, '     ');
}

export interface FakeInstallation {
  readonly master: Buffer;
  /** Puts a record's text, or whatever else, under a name. */
  put(name: string, text: string): Promise<void>;
}

/** The config as dssss makes it at its first start: a key of KMS, and a data key of it that is the master key. */
export async function installDssss(
  { endpoint }: Moto,
  region: string,
  config: Record<string, JsonValue> = {},
): Promise<FakeInstallation> {
  const { KMSClient, CreateKeyCommand, GenerateDataKeyCommand } = await import('@aws-sdk/client-kms');
  const { SSMClient, PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const place = { region, endpoint, credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'test' } };
  const kms = new KMSClient(place);
  const ssm = new SSMClient(place);
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'DSSSS Key' }));
  const arn = KeyMetadata?.Arn ?? '';
  const key = await kms.send(new GenerateDataKeyCommand({ KeyId: arn, KeySpec: 'AES_256' }));
  const ciphertext = Buffer.from(key.CiphertextBlob ?? []).toString('base64');
  const text = JSON.stringify({ MasterKeyCiphertext: ciphertext, KMSArn: arn, Active: true, ...config });
  const name = '.dssss.config.json';
  await ssm.send(new PutParameterCommand({ Name: name, Value: text, Type: 'SecureString' }));
  return {
    master: Buffer.from(key.Plaintext ?? []),
    async put(secret, value) {
      const parameter = { Name: `.dssss.secret.${secret}`, Value: value, Overwrite: true } as const;
      await ssm.send(new PutParameterCommand({ ...parameter, Type: 'SecureString', KeyId: arn }));
    },
  };
}

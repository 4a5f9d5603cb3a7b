/** What is used of KMS's client, by name: the build leaves out the rest. Loaded with `import()` by the first call, never before. */
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';

export const kmsSdk = {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} as const;

export type KmsSdk = typeof kmsSdk;

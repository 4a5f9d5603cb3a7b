/** What a key's owner needs of KMS's client, by name: most starts need none of it. Loaded with `import()` by the first call. */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  EnableKeyRotationCommand,
  KMSClient,
  ListKeysCommand,
  ListResourceTagsCommand,
} from '@aws-sdk/client-kms';

export const kmsAdminSdk = {
  CreateAliasCommand,
  CreateKeyCommand,
  EnableKeyRotationCommand,
  KMSClient,
  ListKeysCommand,
  ListResourceTagsCommand,
} as const;

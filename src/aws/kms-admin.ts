/** What a key's owner asks KMS for, beyond using the key: making it, naming it, having it rotated, finding it again. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface KeyTag {
  readonly TagKey: string;
  readonly TagValue: string;
}

/** Every call rejects with `AwsError`, and has a deadline. */
export interface KmsAdmin {
  /**
   * A new symmetric key for encryption; answers its ARN. It is asked for once and never again by itself, since KMS makes another
   * key for each request: whoever gets no answer has to look with `keysTagged`.
   */
  createKey(wishes: { readonly description: string; readonly tags: readonly KeyTag[] }): Promise<string>;
  /** `alias/NAME` for a key; an alias that is there stays what it is. */
  createAlias(alias: string, keyArn: string): Promise<'created' | 'exists'>;
  /** New material each year; again is no error. */
  enableRotation(keyArn: string): Promise<void>;
  /** ARNs of all keys of the account and region with this tag, also of those that wait for their deletion. It asks after every key. */
  keysTagged(tag: KeyTag): Promise<readonly string[]>;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function kmsAdmin(options: AwsOptions): KmsAdmin {
  const client = (attempts: number | undefined) =>
    new LazyClient(
      { ...options, attempts },
      { service: 'KMS', env: 'KMS' },
      async () => (await import('./kms-admin-sdk.ts')).kmsAdminSdk,
      (sdk, config) => new sdk.KMSClient(config),
    );
  const once = client(1);
  const kms = client(options.attempts);

  async function hasTag(keyArn: string, { TagKey, TagValue }: KeyTag): Promise<boolean> {
    try {
      return await kms.call(about('ListResourceTags', keyArn), async ({ sdk, client: own }, abortSignal) => {
        const { Tags = [] } = await own.send(new sdk.ListResourceTagsCommand({ KeyId: keyArn }), {
          abortSignal,
        });
        return Tags.some((tag) => tag.TagKey === TagKey && tag.TagValue === TagValue);
      });
    } catch (error) {
      // Keys that show themselves to nobody but their owners are in the list, too; none of them was made by these rights.
      if (error instanceof AwsError && (error.reason === 'denied' || error.reason === 'not-found'))
        return false;
      throw error;
    }
  }

  function keys(): Promise<readonly string[]> {
    return kms.call(about('ListKeys', undefined), async ({ sdk, client: own }, abortSignal) => {
      const found: string[] = [];
      let marker: string | undefined;
      do {
        const input = marker === undefined ? {} : { Marker: marker };
        const answer = await own.send(new sdk.ListKeysCommand(input), { abortSignal });
        found.push(...(answer.Keys ?? []).flatMap(({ KeyArn }) => (KeyArn === undefined ? [] : [KeyArn])));
        marker = answer.Truncated === true ? answer.NextMarker : undefined;
      } while (marker !== undefined);
      return found;
    });
  }

  return {
    createKey: ({ description, tags }) =>
      once.call(about('CreateKey', undefined), async ({ sdk, client: own }, abortSignal) => {
        const input = {
          Description: description,
          KeySpec: 'SYMMETRIC_DEFAULT' as const,
          KeyUsage: 'ENCRYPT_DECRYPT' as const,
          Tags: [...tags],
        };
        const { KeyMetadata } = await own.send(new sdk.CreateKeyCommand(input), { abortSignal });
        if (KeyMetadata?.Arn !== undefined) return KeyMetadata.Arn;
        throw new AwsError('aws-fault', 'KMS answered without what it was asked for; try again');
      }),
    createAlias: (alias, keyArn) =>
      kms
        .call(about('CreateAlias', alias), async ({ sdk, client: own }, abortSignal) => {
          await own.send(new sdk.CreateAliasCommand({ AliasName: alias, TargetKeyId: keyArn }), {
            abortSignal,
          });
          return 'created' as const;
        })
        .catch((error: unknown) => {
          if (error instanceof AwsError && error.reason === 'conflict') return 'exists' as const;
          throw error;
        }),
    enableRotation: (keyArn) =>
      kms.call(about('EnableKeyRotation', keyArn), async ({ sdk, client: own }, abortSignal) => {
        await own.send(new sdk.EnableKeyRotationCommand({ KeyId: keyArn }), { abortSignal });
      }),
    async keysTagged(tag) {
      const found: string[] = [];
      for (const arn of await keys()) if (await hasTag(arn, tag)) found.push(arn);
      return found;
    },
    close() {
      once.close();
      kms.close();
    },
  };
}

function about(operation: string, key: string | undefined) {
  return {
    action: `kms:${operation}`,
    resource: key === undefined ? 'the keys of this account' : `key ${key}`,
  };
}

/** What is asked of KMS, both ways. */
import type {
  DecryptCommandInput,
  DecryptCommandOutput,
  DescribeKeyCommandInput,
  DescribeKeyCommandOutput,
  EncryptCommandInput,
  EncryptCommandOutput,
  GenerateDataKeyCommandInput,
  GenerateDataKeyCommandOutput,
  KMSClient,
} from '@aws-sdk/client-kms';
import type { AwsOptions } from './aws-options.ts';
import { decodeBytes, encodeBytes } from './base64.ts';
import type { CallSubject, Loaded } from './client-config.ts';
import type { Answer } from './json-client.ts';
import { JsonService } from './json-service.ts';
import type { KmsSdk } from './kms-sdk.ts';

interface KmsCalls {
  readonly Decrypt: [DecryptCommandInput, DecryptCommandOutput];
  readonly DescribeKey: [DescribeKeyCommandInput, DescribeKeyCommandOutput];
  readonly Encrypt: [EncryptCommandInput, EncryptCommandOutput];
  readonly GenerateDataKey: [GenerateDataKeyCommandInput, GenerateDataKeyCommandOutput];
}

type BySdk<Input, Output> = (
  loaded: Loaded<KmsSdk, KMSClient>,
  input: Input,
  abortSignal: AbortSignal,
) => Promise<Output>;

const bySdk: { readonly [Name in keyof KmsCalls]: BySdk<KmsCalls[Name][0], KmsCalls[Name][1]> } = {
  Decrypt: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.DecryptCommand(input), { abortSignal }),
  DescribeKey: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.DescribeKeyCommand(input), { abortSignal }),
  Encrypt: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.EncryptCommand(input), { abortSignal }),
  GenerateDataKey: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.GenerateDataKeyCommand(input), { abortSignal }),
};

const words = {
  service: 'KMS',
  env: 'KMS',
  target: 'TrentService',
  protocol: '1.1',
  // The largest answer is a data key of 1,024 bytes, twice.
  most: 1_048_576,
} as const;

export class KmsService {
  readonly #service: JsonService<KmsSdk, KMSClient>;

  constructor(options: AwsOptions) {
    this.#service = new JsonService(
      options,
      words,
      async () => (await import('./kms-sdk.ts')).kmsSdk,
      (sdk, config) => new sdk.KMSClient(config),
    );
  }

  /** Rejects with `AwsError`. Members of the answer may be absent or of another kind, whatever their types say. */
  ask<Name extends keyof KmsCalls>(
    operation: Name,
    about: CallSubject,
    input: KmsCalls[Name][0],
  ): Promise<Partial<KmsCalls[Name][1]>> {
    return this.#service.ask<Partial<KmsCalls[Name][1]>>(
      about,
      async (send) =>
        decoded(await send(operation, encodeBytes(input) as object)) as Partial<KmsCalls[Name][1]>,
      (loaded, signal) => bySdk[operation](loaded, input, signal),
    );
  }

  region(): Promise<string | undefined> {
    return this.#service.region();
  }

  prepare(): void {
    this.#service.prepare();
  }

  close(): void {
    this.#service.close();
  }
}

/** The answer itself, with its bytes as bytes. */
function decoded(answer: Answer): Answer {
  for (const name of ['Plaintext', 'CiphertextBlob']) {
    if (answer[name] !== undefined) answer[name] = decodeBytes(answer[name]);
  }
  return answer;
}

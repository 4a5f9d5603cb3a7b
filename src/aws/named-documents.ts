/** Small secret texts by name in an account of AWS, written over again and again: what Secrets Manager and the Parameter Store have in common. */

export interface DocumentOrigin {
  /** For tags, so that people see whose it is. */
  readonly application: string;
  /** KMS key that it is encrypted under; AWS's own for the service if undefined. */
  readonly kmsKey: string | undefined;
}

/** Every call rejects with `AwsError` (see `awsError`), and has a deadline. */
export interface NamedDocuments {
  /** Made where it is missing. @param token a uuid of this write's own, by which a repeated request is recognised */
  put(name: string, text: string, origin: DocumentOrigin, token: string, signal: AbortSignal): Promise<void>;
  /** Whether `put` would get through, as far as that shows without a change of what readers of `name` see. */
  tryPutting(name: string, token: string, signal: AbortSignal): Promise<void>;
  /** What is not there is gone already. */
  remove(name: string, signal: AbortSignal): Promise<void>;
  /** Twelve digits: of whose account the names are, which is that of the identity that asks. */
  account(): Promise<string>;
  close(): void;
}

/** Of everything that was made here. */
export const makerTag = { Key: 'managed-by', Value: 'coffer' } as const;

export function tagsOf({
  application,
}: DocumentOrigin): readonly { readonly Key: string; readonly Value: string }[] {
  return [makerTag, { Key: 'coffer-application', Value: application }];
}

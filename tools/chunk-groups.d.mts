/** What of the bundler's metafile decides. */
export interface Output {
  readonly bytes: number;
  readonly entryPoint?: string;
  readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
}

export declare function chunkGroups(
  outputs: Readonly<Record<string, Output>>,
  roots: readonly string[],
): readonly (readonly string[])[];

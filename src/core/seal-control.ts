/** A node's seal state as its endpoints see and change it. */

export interface SealStatus {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly kind: string;
  readonly shares: number;
  readonly threshold: number;
  readonly progress: number;
  readonly storageKind: string;
  readonly storeId: string | undefined;
}

/** What these endpoints ask of the node. */
export interface SealControl {
  status(): Promise<SealStatus>;
  initialize(split: { readonly shares: number; readonly threshold: number }): Promise<{
    readonly rootToken: string;
    readonly shares: readonly Buffer[];
  }>;
  /** `from`: the address of whoever hands it in. */
  submitKey(text: string, from?: string): Promise<void>;
  resetKeys(): void;
  recordSeal(): Promise<void>;
  drop(): Promise<void>;
}

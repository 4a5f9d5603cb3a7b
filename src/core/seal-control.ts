/** A node's seal state as its endpoints see and change it. */

import type { Waiting } from './automatic-unseal.ts';
import type { NodeFacts } from './node/nodes.ts';
import type { Asker } from './notice/core-notices.ts';

export interface SealStatus {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly kind: string;
  readonly shares: number;
  readonly threshold: number;
  readonly progress: number;
  /** Its settings name keys elsewhere: a store made now opens by itself, besides by shares. */
  readonly opensByItself: boolean;
  /** What a sealed node waits for by itself. */
  readonly waiting: Waiting | undefined;
  readonly storageKind: string;
  readonly storeId: string | undefined;
  /** Whether several nodes can serve the store at all. */
  readonly isShared: boolean;
  /** Undefined while sealed. */
  readonly node: NodeFacts | undefined;
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
  /** `asker`: who is told to have sealed it. */
  recordSeal(asker?: Asker): Promise<void>;
  drop(): Promise<void>;
}

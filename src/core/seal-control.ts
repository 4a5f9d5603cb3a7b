/** A node's seal state as its endpoints see and change it. */
import type { ClockState } from './node/clock-watch.ts';

/** What an unsealed node knows of itself and the others, as of its last look. */
export interface NodeFacts {
  /** How many nodes serve the store, this one included. */
  readonly nodes: number;
  /** Where clients reach this one, as a URL; empty where it has no listener. */
  readonly address: string;
  /** Milliseconds: since when it serves the open store. */
  readonly since: number;
  readonly clock: ClockState;
}

export interface SealStatus {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly kind: string;
  readonly shares: number;
  readonly threshold: number;
  readonly progress: number;
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
  recordSeal(): Promise<void>;
  drop(): Promise<void>;
}

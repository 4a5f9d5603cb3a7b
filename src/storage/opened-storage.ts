/** What the parts of the storage contract share. */
import { parseStorageKey, type Storage } from './storage.ts';

/** An open, empty store; `reopen` closes it and opens what was stored again, where there is anything to open. */
export interface OpenedStorage {
  readonly storage: Storage;
  readonly reopen?: () => Promise<Storage>;
  dispose(): Promise<void>;
}

/** Hands each part of the contract the store of the test that is running. */
export type CurrentStorage = () => OpenedStorage;

export const key = parseStorageKey;
export const bytes = (text: string): Buffer => Buffer.from(text);

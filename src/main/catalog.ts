/** The tables of implementations: with a folder and a page in docs/reference, a row here is all that a new one needs. */
import { approle } from '../auth/approle/approle.ts';
import { userpass } from '../auth/userpass/userpass.ts';
import type { MountTypes } from '../core/mount/mounts.ts';
import { kv } from '../engine/kv/kv.ts';
import type { ManualSeal } from '../seal/collector.ts';
import { keyfileByHand } from '../seal/keyfile/manual.ts';
import { shamirByHand } from '../seal/shamir/manual.ts';

export const mountTypes: MountTypes = {
  engines: new Map([kv].map((type) => [type.type, type])),
  authMethods: new Map([approle, userpass].map((type) => [type.type, type])),
};

export const manualSeals: readonly ManualSeal[] = [keyfileByHand, shamirByHand];

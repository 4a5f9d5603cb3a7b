/** A request that waits for consent, at rest: who asks for what, who may consent, and who did. What was sent is sealed elsewhere. */
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import type { EndpointOperation } from '../endpoint.ts';
import type { ApprovalRule } from '../policy/approval-rule.ts';
import type { AnswerData } from '../request.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import type { TokenId } from '../token/record.ts';

/** One person's word. */
export interface Verdict {
  /** As it was when they said it. */
  readonly entityId: string;
  readonly entityName: string;
  /** How they had logged in: the display name of their token, and the path of the login. */
  readonly displayName: string;
  readonly login: string;
  /** Their login had proven a second factor. */
  readonly secondFactor: boolean;
  readonly remoteAddress: string;
  /** Milliseconds. */
  readonly at: number;
  readonly reason: string;
}

export type ApprovalStatus = 'waiting' | 'denied' | 'withdrawn' | 'used';

export interface ApprovalRecord {
  /** Of the token that is told in place of the answer; names the request everywhere. */
  readonly accessor: string;
  readonly token: TokenId;
  /** Records in which that token keeps what was sent. */
  readonly parts: number;
  readonly requester: {
    readonly entityId: string;
    readonly entityName: string;
    readonly displayName: string;
    readonly token: TokenId;
    /** A token's text can be given to another token later: the accessor can not. */
    readonly tokenAccessor: string;
  };
  /** `create` where it would make something new. */
  readonly operation: EndpointOperation | 'create';
  readonly path: string;
  /** What was sent, as far as it is no secret. */
  readonly shown: AnswerData;
  /** Seconds; 0 for none. */
  readonly wrapTtl: number;
  readonly remoteAddress: string;
  readonly reason: string;
  /** See `digestOf`. */
  readonly digest: string;
  /** As the policy wanted it when it was asked. */
  readonly approval: ApprovalRule;
  /** The rule that wants it. */
  readonly pattern: string;
  readonly policies: readonly string[];
  /** Milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly status: ApprovalStatus;
  readonly authorizations: readonly Verdict[];
  /** Set once it is denied. */
  readonly denial: Verdict | null;
  /** Milliseconds; set once it is used. */
  readonly usedAt: number | null;
}

export const requestPrefix = 'core/approval/request/';

/** Throws nothing for what `isAccessor` takes. */
export function approvalKey(accessor: string): StorageKey {
  return parseStorageKey(requestPrefix + accessor);
}

/** Nothing else is looked up. */
export function isAccessor(text: string): boolean {
  return /^[0-9A-Za-z]{1,64}$/.test(text);
}

export function ofEntityPrefix(entity: string): string {
  return `core/approval/of/${entity}/`;
}

/** The index entry of a request that waits among its requester's. */
export function ofEntityKey(entity: string, accessor: string): StorageKey {
  return parseStorageKey(ofEntityPrefix(entity) + accessor);
}

export function encodeApproval(record: ApprovalRecord): Buffer {
  return encodeStored(record);
}

export function decodeApproval(bytes: Buffer): ApprovalRecord {
  return decodeStored<ApprovalRecord>(bytes);
}

/** The decision's vocabulary: what is asked of the policies a token holds, and what they answer. */
import type { JsonObject } from '../../json.ts';
import type { ApiPath } from '../path.ts';
import type { Operation } from '../request.ts';
import type { ApprovalRule } from './approval-rule.ts';

export type Capability =
  | 'create'
  | 'read'
  | 'update'
  | 'patch'
  | 'delete'
  | 'list'
  | 'scan'
  | 'sudo'
  | 'deny';

export interface DecisionRequest {
  /** The whole request path, mount included. */
  readonly path: ApiPath;
  readonly operation: Operation;
  /** The fields as sent: body or query. Undefined where nobody sent any: then a rule that constrains them refuses. */
  readonly data: JsonObject | undefined;
  /** The endpoint is root-protected: `sudo` is needed besides the operation's capability. */
  readonly sudo: boolean;
  /** Seconds of response wrapping asked for; none if absent. */
  readonly wrapTtl?: number;
}

/** The rule that decided: its pattern and the policies that hold it. */
export interface RuleReference {
  readonly pattern: string;
  readonly policies: readonly string[];
}

export type Decision =
  | { readonly kind: 'allow'; readonly rule: RuleReference }
  | {
      readonly kind: 'deny';
      readonly reason: 'no-rule' | 'deny-rule' | 'capability' | 'sudo' | 'wrapping' | 'parameter';
      readonly rule?: RuleReference;
      /** The parameter that was refused; never its value. */
      readonly parameter?: string;
    }
  | {
      readonly kind: 'needs-approval';
      readonly rule: RuleReference;
      /** What is wanted for this operation. */
      readonly approval: ApprovalRule;
    };

export interface Acl {
  /** Decides one request. Constant work in the number of policies that do not match. */
  decide(request: DecisionRequest): Decision;
  /** In the fixed order sudo, read, list, update, delete, create, patch, scan; `['root']` for root; `['deny']` for nothing. */
  capabilities(path: ApiPath): readonly (Capability | 'root')[];
  /** Whether any rule grants anything on some path that starts with `prefix` (a mount path with trailing `/`). */
  reaches(prefix: string): boolean;
}

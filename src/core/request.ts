/** What a listener hands to the road, and what it gets back. The wire's JSON is known to `http` only. */
import type { ErrorCode } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { ApiPath } from './path.ts';

/** What a method asks for. POST and PUT arrive as `update`; the road makes it `create` where the thing is absent. */
export type Operation =
  | 'read'
  | 'list'
  | 'scan'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'help'
  | 'header';

/** Asks whether the process answers at all: no measure holds it off. */
export const alivePath = 'sys/alive';

/**
 * What the client showed over TLS: its certificate in DER, and behind it what it sent along, each the issuer of the one before.
 * Undefined where it showed none. It has the first one's key; that anybody trusts it is not checked. A resumed session knows
 * the first one only. A function, because getting it costs and few requests ask.
 */
export type ClientCertificate = () => readonly Buffer[] | undefined;

export interface Request {
  /** A uuid; in the answer, the audit lines and the log alike. */
  readonly id: string;
  readonly operation: Operation;
  readonly path: ApiPath;
  /** Body of a write, query of a read, list or delete. Nothing in it is trusted or typed yet. */
  readonly data: JsonObject;
  /** The client token as sent, or undefined. */
  readonly token: string | undefined;
  /** Seconds of response wrapping asked for; 0 when not asked. */
  readonly wrapTtl: number;
  readonly remoteAddress: string;
  /** Values of the header for codes of a second factor; absent without it. */
  readonly mfa?: readonly string[] | undefined;
  /** The listener answers metrics to everyone. */
  readonly metricsWithoutToken?: boolean;
  /** The caller's W3C Trace Context header, as sent. */
  readonly traceparent?: string | undefined;
  /** Absent where the request did not come over TLS. */
  readonly clientCertificate?: ClientCertificate;
  /** A header of the request as it was sent, by its name in lower case; for the audit log, if it is told to show it. */
  readonly header?: (name: string) => string | undefined;
  /** Aborts when the listener stopped waiting; without it, never. */
  readonly signal?: () => AbortSignal;
}

/** A piece of JSON that is already text, so that a stored value need not be parsed to be sent on. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Answer data: JSON whose first two levels may hold text that is JSON already. */
export type AnswerData = { readonly [name: string]: JsonValue | RawJson | AnswerData };

/** What a login has to show before there is a token: of each enforcement, a code of any one method. */
export interface MfaRequirement {
  readonly requestId: string;
  readonly constraints: readonly {
    readonly enforcement: string;
    readonly methods: readonly { readonly type: string; readonly id: string; readonly name: string }[];
  }[];
}

export interface AuthAnswer {
  readonly clientToken: string;
  readonly accessor: string;
  /** Sorted union of all policies. */
  readonly policies: readonly string[];
  readonly tokenPolicies: readonly string[];
  /** Of the entity and its groups; absent where there are none. */
  readonly identityPolicies?: readonly string[] | undefined;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Seconds. */
  readonly leaseDuration: number;
  readonly renewable: boolean;
  readonly entityId: string;
  readonly tokenType: 'service' | 'batch';
  readonly orphan: boolean;
  readonly numUses: number;
  /** Names of metadata that the audit log shows a digest of, and the token does not keep. */
  readonly secretMetadata?: readonly string[];
  /** In place of a token: `clientToken` is empty. */
  readonly mfaRequirement?: MfaRequirement;
}

export interface LeaseAnswer {
  readonly id: string;
  readonly renewable: boolean;
  /** Seconds. */
  readonly duration: number;
}

/** Bytes that are made while they are sent. Whoever is handed one reads it to its end or closes it. */
export interface AnswerStream {
  /** The next piece; undefined at the end. Rejects when the rest can't be had: then the client must not take it for whole. */
  next(): Promise<Buffer | undefined>;
  /** Lets go of what it holds; may be called again, and at any time. */
  close(): Promise<void>;
}

/** Where an answer waits for its one reader. */
export interface WrapInfo {
  readonly token: string;
  readonly accessor: string;
  /** Seconds. */
  readonly ttl: number;
  /** RFC 3339. */
  readonly creationTime: string;
  readonly creationPath: string;
  readonly wrappedAccessor: string | undefined;
}

export type Answer =
  /** The envelope of vault-compatible answers. */
  | {
      readonly kind: 'envelope';
      readonly status: number;
      readonly requestId: string;
      readonly data: AnswerData | null;
      readonly auth: AuthAnswer | null;
      readonly lease: LeaseAnswer | null;
      readonly warnings: readonly string[] | null;
      readonly mountType: string;
      /** Set where the answer itself was wrapped. */
      readonly wrap: WrapInfo | null;
      /** The members of `data` appear at the top level too (a few sys endpoints). */
      readonly repeatData: boolean;
    }
  /** A JSON object of its own shape (seal status, health, help, …). */
  | { readonly kind: 'plain'; readonly status: number; readonly body: AnswerData }
  | { readonly kind: 'empty' }
  /** Something else than JSON, of unknown length. */
  | {
      readonly kind: 'stream';
      readonly status: number;
      readonly requestId: string;
      readonly contentType: string;
      readonly body: AnswerStream;
    }
  /** An answer's text as it was made earlier, envelope and all; or, with its type, text that is not JSON. */
  | {
      readonly kind: 'verbatim';
      readonly status: number;
      readonly text: string;
      readonly contentType?: string | undefined;
    }
  | {
      readonly kind: 'error';
      readonly status: number;
      /** Which of the family it is, for clients that know Coffer; absent where nothing is simply nothing. */
      readonly code?: ErrorCode;
      readonly requestId: string;
      readonly errors: readonly string[];
      readonly data?: AnswerData;
      /** For the audit log alone: see `ErrorDetails`. */
      readonly auditReason?: string | undefined;
    };

/** What a request rate says before anything else is looked at. Seconds are whole. */
export interface RateVerdict {
  readonly admitted: boolean;
  /** Undefined where the answer is not to tell. */
  readonly shown?: { readonly limit: number; readonly remaining: number; readonly reset: number } | undefined;
  readonly retryAfter: number;
}

/** Other origins whose pages may call from a browser. */
export interface AllowedOrigins {
  /** As browsers send them, or `*` alone. */
  readonly origins: readonly string[];
  /** Request headers that they may send, in lower case. */
  readonly headers: readonly string[];
  /** With a browser's credentials; never together with `*`. */
  readonly credentials: boolean;
}

/** What a listener needs to know of the core. Never rejects: every failure is an answer. */
export interface Road {
  /**
   * Asked once the head of a request is there, before its body is read. Undefined where nothing is counted. `bearer` is whether
   * a token came along: whether it is worth anything shows later.
   */
  admit?(path: ApiPath, remoteAddress: string, bearer: boolean): RateVerdict | undefined;
  /** In place of `admit` where several processes count together. A promise that rejects refuses. */
  admitTogether?(
    path: ApiPath,
    remoteAddress: string,
    bearer: boolean,
  ): RateVerdict | Promise<RateVerdict> | undefined;
  /** Which other origins' pages may call; undefined while nobody has allowed any. */
  cors?(): AllowedOrigins | undefined;
  handle(request: Request): Promise<Answer>;
}

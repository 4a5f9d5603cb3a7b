/**
 * Endpoints are data. One declaration says what a path takes, who may call it and what it answers; router, coercion, policy
 * check, audit redaction, `?help=1` and the reference page all follow from it.
 */
import type { Clock } from '../clock.ts';
import type { CofferError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { NewJob } from './job/job.ts';
import type {
  AnswerData,
  AnswerStream,
  AuthAnswer,
  ClientCertificate,
  LeaseAnswer,
  WrapInfo,
} from './request.ts';
import type { View, ViewExpectation, ViewWrite } from './view.ts';

/** How a field's value is read from what was sent; see `field.ts` for what each accepts. */
export interface FieldTypes {
  string: string;
  int: number;
  float: number;
  bool: boolean;
  /** Seconds. */
  duration: number;
  /** A list of strings; a comma-separated text counts as one. */
  list: readonly string[];
  /** A list of integers; a comma-separated text counts as one. */
  ints: readonly number[];
  /** Text to text. */
  pairs: Readonly<Record<string, string>>;
  /** Names to lists of texts, as HTTP has headers; names in lower case. */
  header: Readonly<Record<string, readonly string[]>>;
  /** A JSON object, or its text. */
  object: JsonObject;
  any: JsonValue;
}

export type FieldType = keyof FieldTypes;

export interface FieldSpec {
  readonly type: FieldType;
  readonly help: string;
  /** The value is a secret: audit shows a keyed digest in its place. */
  readonly sensitive?: boolean;
  /** Refused with 400 when absent. */
  readonly required?: boolean;
  /**
   * Belongs to reads, lists and deletes. Without it a field of an endpoint that can be written belongs to its writes; only
   * descriptions follow from it.
   */
  readonly query?: boolean;
  /** Older names under which the field may be sent. */
  readonly aliases?: readonly string[];
}

export type Fields = Readonly<Record<string, FieldSpec>>;

export type FieldValues<F extends Fields> = {
  readonly [N in keyof F]: F[N]['required'] extends true
    ? FieldTypes[F[N]['type']]
    : FieldTypes[F[N]['type']] | undefined;
};

/** The operations an endpoint may declare. A write is declared as `update`; `create` only arises in decisions. */
export type EndpointOperation = 'read' | 'list' | 'scan' | 'update' | 'patch' | 'delete';

/** Who asks: what handlers may know of the token. */
export interface Caller {
  /** All that decide, those of its entity and groups among them. */
  readonly policies: readonly string[];
  readonly displayName: string;
  readonly accessor: string;
  /** Empty for a token without entity. */
  readonly entityId: string;
  /** Groups that the entity is in, directly and by others. */
  readonly groups: readonly { readonly id: string; readonly name: string }[];
  /** What the auth method said of the login; empty for a token that another token made: its maker chose the words. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Who logged in for this very token; absent for tokens that other tokens made, which may be meant to do less. */
  readonly principal?: ProvenPrincipal | undefined;
}

/** Somebody, as an auth method has proven: equal when both members are. */
export interface ProvenPrincipal {
  /** Uuid of the auth mount. */
  readonly mount: string;
  /** Unique below the mount, as its method spells it. */
  readonly name: string;
}

export interface Call<F extends Fields = Fields> {
  readonly requestId: string;
  /** `create` where the endpoint has an existence check and the thing is absent. */
  readonly operation: EndpointOperation | 'create';
  /** The pattern's captures, by name. */
  readonly params: Readonly<Record<string, string>>;
  /** The declared fields, coerced. */
  readonly fields: FieldValues<F>;
  /** All that was sent, as sent. */
  readonly data: JsonObject;
  /** Undefined on endpoints that need no login. */
  readonly caller: Caller | undefined;
  readonly clock: Clock;
  readonly remoteAddress: string;
  /**
   * Aborts once the request took so long that its caller was told so. Made when it is asked for: only what waits for something
   * outside the store needs it.
   */
  readonly signal: () => AbortSignal;
  /** What the client showed over TLS: only where the operation declares it, and the request came that way. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** The mount's own storage. What it commits carries the spending of the caller's use count. */
  readonly view: View;
  /**
   * What `exists` came by and leaves to the handler, as things were when the request began: a commit that goes by it expects them to
   * be so yet.
   */
  readonly asked?: { found?: unknown };
}

/** A login: who it is, and what the auth method wants written in the commit that makes the token. */
export interface Principal {
  readonly displayName: string;
  /** What the method knows this principal by, unique below its mount. */
  readonly alias: string;
  /** Who it has proven to be, for lists of who may do something; its alias unless told. Unique below the mount, too. */
  readonly provenAs?: string;
  /** What the method knows of the alias, for policies with templates; replaces what an earlier login said. Absent leaves that. */
  readonly aliasMetadata?: Readonly<Record<string, string>>;
  /** Names of the principal's groups, as the method has them: with them it is in the external groups of these aliases and no others of this mount. Absent leaves that as it is. */
  readonly groupAliases?: readonly string[];
  readonly policies: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Told beside the metadata in the answer alone: the token does not keep it, and the audit log has a digest. */
  readonly secretMetadata?: Readonly<Record<string, string>> | undefined;
  readonly ttl?: number;
  readonly maxTtl?: number;
  readonly explicitMaxTtl?: number;
  readonly period?: number;
  readonly numUses?: number;
  readonly noDefaultPolicy?: boolean;
  readonly renewable: boolean;
  /** What the method's role asks for; absent is as the mount has it, which may also fix it. */
  readonly tokenType?: 'service' | 'batch' | undefined;
  readonly boundCidrs?: readonly string[];
  /** Kept with the token, sealed, and handed back at renewal. */
  readonly internal?: JsonObject;
  readonly writes?: readonly ViewWrite[];
  readonly expectations?: readonly ViewExpectation[];
}

/** Something handed out with an end. `internal` comes back when it is renewed or revoked. */
export interface Leased {
  readonly ttl?: number;
  readonly maxTtl?: number;
  readonly renewable: boolean;
  readonly internal: JsonObject;
  /**
   * Of the mount's view, for the commit that makes the lease: what says that something is being made outside goes when the lease
   * comes. Where an expectation fails there is no lease, and the engine takes the secret back.
   */
  readonly writes?: readonly ViewWrite[];
  readonly expectations?: readonly ViewExpectation[];
  /** What the notice of the lease says besides: never a secret. */
  readonly told?: Readonly<Record<string, string>>;
}

/**
 * What a handler answers. Nothing at all means 404 for a read or list, and 204 for a write or delete (the table of §2.4 of
 * Vault's wire).
 */
export interface Reply {
  readonly data?: AnswerData | null;
  /** Bytes in place of data, made while they are sent; only of an operation that declares `streams`. */
  readonly stream?: { readonly contentType: string; readonly body: AnswerStream };
  readonly login?: Principal;
  /** An `auth` block that is made already; only the core's own endpoints answer one. */
  readonly issued?: AuthAnswer;
  readonly lease?: Leased;
  /** A lease as renewed; only the core's own endpoints answer one. */
  readonly renewed?: LeaseAnswer;
  /** An answer's text as it was wrapped earlier; only the core's own endpoints answer one. */
  readonly text?: string;
  /** What `text` is, where it is not JSON; only the core's own endpoints say so. */
  readonly contentType?: string;
  /** An answer that stays wrapped; only the core's own endpoints answer one. */
  readonly wrapped?: WrapInfo;
  readonly warnings?: readonly string[];
  /** Seconds shown as `lease_duration` where nothing is leased: a hint on when to ask again (kv v1). */
  readonly leaseDuration?: number;
  /** Long work to begin with the request's own commit; the answer's data says its `job_id`. */
  readonly job?: NewJob;
  /** Ends what was issued, when the answer cannot be audited; only the core's own endpoints ask for it. */
  readonly undo?: () => Promise<unknown>;
  /** The answer's line must be on disk first, although the endpoint needs no token. */
  readonly durable?: boolean;
  /** Of an endpoint that needs no token: what was sent has proven who asks, who therefore is no stranger (`Strangers`). */
  readonly proven?: boolean;
  /** Done once the answer is audited, before it leaves; only the core's own endpoints and logins that are told of ask for it. */
  readonly afterwards?: () => Promise<void>;
  /** Only where the contract wants another than the usual status. */
  readonly status?: number;
}

export type Handler<F extends Fields = Fields> = (call: Call<F>) => Promise<Reply | undefined>;

/**
 * What an answer's data holds: a type word, and whether the value is a secret. `*` stands for any other name. In answers a
 * `duration` is whole seconds, a `list` holds texts and `pairs` are an object of texts.
 */
export interface ResponseField {
  readonly type: FieldType | 'null';
  readonly sensitive?: boolean;
  readonly help?: string;
  /** May be absent. */
  readonly optional?: boolean;
  /** May be null. */
  readonly nullable?: boolean;
  /** Members of an object, where they are known. */
  readonly members?: ResponseSchema;
  /** Members of each object of a `list` that holds objects. */
  readonly items?: ResponseSchema;
}
export type ResponseSchema = Readonly<Record<string, ResponseField>>;

export interface OperationSpec<F extends Fields = Fields> {
  readonly summary: string;
  readonly handle: Handler<F>;
  readonly response?: ResponseSchema;
  /** Needs no token and spends no use: logins, status, unseal. */
  readonly login?: boolean;
  /** Needs no token, but one that comes along may decide, and pays with a use as everywhere. */
  readonly takesUse?: boolean;
  /** What a caller without a valid token is told, where the contract has its own words for it. */
  readonly refusal?: () => CofferError;
  /** Needs `sudo` besides the operation's own capability. */
  readonly sudo?: boolean;
  /**
   * The engine decides, by who the caller has proven to be (`Caller.principal`): where no rule of its policies says anything of the
   * path, the request comes to the handler. A rule that does counts as everywhere, so that policies can narrow and never widen.
   */
  readonly ownDecision?: true;
  /** Authenticated, but decides by itself what the caller may see, and spends no use (`sys/internal/ui/mounts/…`). */
  readonly useExempt?: boolean;
  /**
   * The caller's use is spent before the handler runs, because the handler touches something outside the store or commits
   * by ways of its own.
   */
  readonly spendsFirst?: boolean;
  /**
   * A write by its method alone: it answers what follows from what was sent, and issues nothing. Like that of a read its answer's
   * line is with the kernel before the answer, and on disk only if something was committed after all.
   */
  readonly computes?: true;
  /** Answered although the store is sealed or not initialised. */
  readonly whileSealed?: boolean;
  /** Needs no token on a listener that says so (`Request.metricsWithoutToken`), also while sealed; elsewhere as any other. */
  readonly metrics?: boolean;
  /** A JSON object of its own instead of the envelope. */
  readonly plain?: boolean;
  /** Members of `data` repeated at the top level. */
  readonly repeatData?: boolean;
  /** Answers what was wrapped, as it was kept: it is never wrapped once more. */
  readonly unwraps?: true;
  /** Ends a login outside of the auth mount, with an answer that may be wrapped like a login's. */
  readonly logsIn?: true;
  /** Is told of the client's certificate. */
  readonly clientCertificate?: true;
  /** Answers a stream of bytes, which is never wrapped; spends the use first. */
  readonly streams?: true;
}

export interface Endpoint<F extends Fields = Fields> {
  /**
   * Segments below the mount. `:name` captures one segment, a last `:name*` captures the rest (also none, also with a
   * trailing `/`), and everything else is literal.
   */
  readonly pattern: string;
  readonly help: string;
  readonly fields: F;
  /** Names in its path count in lower case: what is denied to a path's lower-case form is denied to every form of it. */
  readonly foldsNames?: boolean;
  /** Any other field is data of the caller's own: taken without a warning, and treated as sensitive. */
  readonly openFields?: boolean;
  readonly operations: { readonly [O in EndpointOperation]?: OperationSpec<F> };
  /** With it, a write to something absent is a `create`. Answers for the same call. */
  readonly exists?: (call: Call<F>) => Promise<boolean>;
}

/** Declares an endpoint; its handlers see `fields` typed by its own declaration. */
export function endpoint<const F extends Fields>(declaration: Endpoint<F>): Endpoint {
  return declaration as unknown as Endpoint;
}

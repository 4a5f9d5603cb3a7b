/** What the processes of a server with workers say to each other: JSON over the channel that the platform opens between them. */
import type { LimitSettings, Settings } from '../../config/settings.ts';
import type { LockoutSettings } from '../../core/lockout/lock-state.ts';
import type { ShownRequest } from '../../core/peers.ts';
import type { Admission, Rate } from '../../core/quota/buckets.ts';
import type { Answer, Request } from '../../core/request.ts';
import type { ErrorCode } from '../../errors.ts';
import type { LogComponent, LogLevel } from '../../log.ts';
import type { Family } from '../../telemetry/catalogue.ts';

/** A configuration as workers need it: read once, by the parent, so that all of them have the same. */
export interface SentSettings {
  readonly settings: Settings;
  /** Each setting, and how it is written. */
  readonly found: readonly { readonly name: string; readonly shown: string }[];
}

export interface WorkerStart extends SentSettings {
  /** From 1; a worker that takes the place of another has its number. */
  readonly number: number;
  readonly workers: number;
  /** What is done where there is no store. Only the first worker of a server ever makes one. */
  readonly init: 'store' | 'api' | 'never';
  readonly levels: readonly LevelChange[];
}

export interface WorkerReady {
  readonly addresses: readonly string[];
  readonly isNew: boolean;
  readonly initialized: boolean;
  readonly sealed: boolean;
  /** For a key that is elsewhere. */
  readonly waits: boolean;
}

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface LevelChange {
  readonly level?: LogLevel | undefined;
  /** All of them if absent. */
  readonly component?: LogComponent | undefined;
}

/** A connection beyond a worker's own share: of one client's, or of all. */
export interface ConnectionAsk {
  /** The listener's place in the configuration. */
  readonly listener: number;
  /** Whose it is, where the client's share is used up. */
  readonly client?: string | undefined;
  /** The share of all is used up. */
  readonly total: boolean;
}

export type ConnectionWord = 'granted' | 'client-full' | 'full';

/** A request that another worker is to answer. What a request has as functions is not there. */
export interface SentRequest {
  readonly request: Omit<Request, 'header' | 'signal' | 'clientCertificate'>;
  /** Those that the audit log is to show. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A key under the agreement of two keys: X25519, HKDF, AES-256-GCM. Base64. */
export interface SealedKey {
  readonly publicKey: string;
  readonly sealed: string;
}

/** Questions: what is asked, and what comes back. */
export interface Questions {
  /** Parent to worker. */
  readonly start: readonly [WorkerStart, WorkerReady];
  readonly ping: readonly [null, null];
  /** Worker to parent. */
  readonly connection: readonly [ConnectionAsk, ConnectionWord];
  readonly take: readonly [
    { readonly key: string; readonly rate: Rate; readonly blockFor: number },
    Admission,
  ];
  readonly nobodyLocked: readonly [{ readonly key: string; readonly origin: string }, boolean];
  readonly nobodyFails: readonly [
    { readonly key: string; readonly origin: string; readonly settings: LockoutSettings },
    boolean,
  ];
  readonly reload: readonly [null, null];
  /** Asks each of the other workers, and has the answers of those that gave one. `patience` in milliseconds. */
  readonly others: readonly [
    { readonly kind: ToOthers; readonly body: unknown; readonly patience: number },
    readonly unknown[],
  ];
  readonly inFlight: readonly [null, Readonly<Record<string, ShownRequest>>];
  readonly metrics: readonly [null, { readonly worker: number; readonly families: readonly Family[] }];
  readonly rootKey: readonly [{ readonly publicKey: string }, SealedKey | null];
  readonly unsealed: readonly [null, null];
  readonly sealed: readonly [null, null];
  /** To the worker that has what lives in one memory. */
  readonly home: readonly [SentRequest, Answer];
}

/** What is told and not answered. */
export interface Tidings {
  /** Parent to worker. */
  readonly stop: null;
  /** Null where the configuration has a problem: certificates are read again all the same. */
  readonly reloaded: SentSettings | null;
  /** The number of the worker that has what lives in one memory. */
  readonly homeIs: number;
  /** Worker to parent. The first word: what was said before was heard by nobody. */
  readonly hello: null;
  readonly failed: Failure;
  readonly released: ConnectionAsk;
  readonly nobodyForgotten: string;
  /** To the others, by way of the parent. */
  readonly charged: readonly string[];
  readonly given: readonly string[];
  readonly level: LevelChange;
  readonly watch: LogLevel | null;
  readonly line: { readonly level: LogLevel; readonly text: string };
}

export type Asked<K extends keyof Questions> = Questions[K][0];
export type Told<K extends keyof Questions> = Questions[K][1];

/** Questions that one worker puts to all others. */
export type ToOthers = 'inFlight' | 'metrics' | 'rootKey' | 'unsealed' | 'sealed';

export type LimitsOfNow = () => LimitSettings;

/** What the exchanges of one listener share. */
import type { Road } from '../core/request.ts';
import type { BodyBudget } from './body-budget.ts';
import type { Dialect } from './dialect/dialect.ts';
import type { TrustedProxies } from './forwarded.ts';
import type { HttpLimits } from './limits.ts';

/** Constant message, and fields that never hold anything a client sent. */
export type HttpLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void;

export interface Wire {
  readonly road: Road;
  /** Undefined for the server's own wire, which is Vault's. */
  readonly dialect: Dialect | undefined;
  /** Path of the mount whose OAuth 2.0 endpoints are beside the server's own wire, with a `/` at its end; undefined for none. */
  readonly oauth2: string | undefined;
  /** Those of now: a reload changes them. */
  limits: HttpLimits;
  /** Whose word on a client's address is taken. */
  proxies: TrustedProxies;
  readonly log: HttpLog;
  readonly budget: BodyBudget;
  readonly requestId: () => string;
  /** Told of each request that is refused before the road has it. */
  readonly onRefusal: (status: number) => void;
  /** Every request may read metrics. */
  readonly metricsWithoutToken: boolean;
  /** Seconds the listener has been open, as its sweep counts them. */
  seconds: number;
  /** The listener is closing: every answer ends its connection. */
  draining: boolean;
}

/** A rate-limit quota at rest, and which of several counts for a path (Vault API, `sys/quotas`). */
import type { ApiPath } from '../path.ts';
import { alivePath } from '../request.ts';

export interface Quota {
  readonly name: string;
  /** Empty for all paths; `x/` for all of a mount; `x*` for what begins so; else exactly this path. */
  readonly path: string;
  /** Requests of one client in `interval`. */
  readonly rate: number;
  /** Seconds. */
  readonly interval: number;
  /** Seconds in which a client that went beyond is refused altogether; 0 for none. */
  readonly blockInterval: number;
}

export interface QuotaConfig {
  /** Paths that no quota counts. */
  readonly exemptPaths: readonly string[];
  readonly auditLogging: boolean;
  readonly responseHeaders: boolean;
}

/** What an operator needs when everything else is refused. */
export const alwaysExempt: readonly string[] = ['sys/health', alivePath, 'sys/seal-status', 'sys/unseal'];

export const firstConfig: QuotaConfig = { exemptPaths: [], auditLogging: false, responseHeaders: false };

/** Compiled for the way of every request: exact paths by look-up, the few prefixes longest first. */
export class QuotaTable {
  readonly #exact: ReadonlyMap<string, Quota>;
  readonly #prefixes: readonly { readonly prefix: string; readonly quota: Quota }[];
  readonly #exemptions: readonly { readonly prefix: string; readonly open: boolean }[];
  readonly config: QuotaConfig;
  readonly isEmpty: boolean;

  constructor(quotas: readonly Quota[], config: QuotaConfig) {
    this.config = config;
    this.isEmpty = quotas.length === 0;
    const isOpen = ({ path }: Quota) => path === '' || path.endsWith('/') || path.endsWith('*');
    this.#exact = new Map(quotas.filter((quota) => !isOpen(quota)).map((quota) => [quota.path, quota]));
    this.#prefixes = quotas
      .filter(isOpen)
      .map((quota) => ({ prefix: quota.path.replace(/\*$/, ''), quota }))
      .toSorted(
        (a, b) =>
          b.prefix.length - a.prefix.length ||
          Number(b.quota.path.endsWith('*')) - Number(a.quota.path.endsWith('*')),
      );
    this.#exemptions = [...alwaysExempt, ...config.exemptPaths].map((path) => ({
      prefix: path.replace(/\*$/, ''),
      open: path.endsWith('*'),
    }));
  }

  /** The one quota that counts; undefined for none. */
  for(path: ApiPath): Quota | undefined {
    if (this.isEmpty) return undefined;
    const found = this.#named(path) ?? this.#prefixes.find(({ prefix }) => path.startsWith(prefix))?.quota;
    if (found === undefined) return undefined;
    const exempt = this.#exemptions.some(({ prefix, open }) =>
      open ? path.startsWith(prefix) : path === prefix,
    );
    return exempt ? undefined : found;
  }

  /**
   * By the path in any form that reaches the same: without the trailing `/` that most endpoints do not mind, and below `auth/`, where
   * methods fold names, in lower case. Else each spelling would be a measure of its own, or none.
   */
  #named(path: ApiPath): Quota | undefined {
    const bare = path.endsWith('/') ? path.slice(0, -1) : path;
    const known = this.#exact.get(path) ?? this.#exact.get(bare);
    if (known !== undefined || !bare.startsWith('auth/')) return known;
    return this.#exact.get(bare.toLowerCase());
  }
}

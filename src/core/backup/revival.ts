/** What of a backup comes back to life, and what a restore leaves behind on purpose. */
import { parseDue } from '../due.ts';
import { leasePrefix } from '../lease/record.ts';
import { cubbyholeType } from '../mount/builtin.ts';
import { decodeMount, mountDataPrefix, mountPrefix } from '../mount/entry.ts';
import { idPrefix } from '../token/record.ts';
import type { OpenedRecord } from './read-backup.ts';

/** Paths of leases that are told one by one. */
const shownPaths = 50;

export interface LeasesOfPath {
  /** The request path that made them. */
  readonly path: string;
  readonly count: number;
}

export interface Revival {
  readonly keptTokens: boolean;
  readonly tokens: number;
  readonly leases: number;
  /** By the path that made them; those of further paths are counted in `leases` alone. */
  readonly leasePaths: readonly LeasesOfPath[];
  /** Secret ids of AppRole: with the uses they had, and those destroyed since. */
  readonly secretIds: number;
  /** Records that were left behind. */
  readonly dropped: number;
}

/** Where AppRole keeps them below its mount. */
const secretIdFolder = 'secret-id/';

export class RevivalCount {
  readonly #keepTokens: boolean;
  readonly #leasePaths = new Map<string, number>();
  #tokens = 0;
  #leases = 0;
  #secretIds = 0;
  #dropped = 0;
  /** Prefixes of records that end with their tokens, and of secret ids. */
  readonly #cubbyholes: string[] = [];
  readonly #secretIdPrefixes: string[] = [];

  constructor(keepTokens: boolean) {
    this.#keepTokens = keepTokens;
  }

  /** Whether a record is restored. To be asked for every record, in the backup's order: mounts come before what is in them. */
  keeps(opened: OpenedRecord): boolean {
    this.#look(opened);
    const { key } = opened.record;
    const kept = !key.startsWith('core/backup/') && (this.#keepTokens || !this.#endsWithTokens(key));
    if (!kept) this.#dropped += 1;
    return kept;
  }

  get revival(): Revival {
    const leasePaths = [...this.#leasePaths].map(([path, count]) => ({ path, count }));
    return {
      keptTokens: this.#keepTokens,
      tokens: this.#tokens,
      leases: this.#leases,
      leasePaths,
      secretIds: this.#secretIds,
      dropped: this.#dropped,
    };
  }

  #look({ record: { key }, plaintext }: OpenedRecord): void {
    if (key.startsWith(idPrefix)) this.#tokens += 1;
    else if (key.startsWith(leasePrefix)) this.#countLease(key.slice(leasePrefix.length));
    else if (key.startsWith(mountPrefix) && plaintext !== undefined) {
      const { type, uuid } = decodeMount(plaintext);
      if (type === cubbyholeType) this.#cubbyholes.push(mountDataPrefix(uuid));
      if (type === 'approle') this.#secretIdPrefixes.push(mountDataPrefix(uuid) + secretIdFolder);
    } else if (this.#secretIdPrefixes.some((prefix) => key.startsWith(prefix))) this.#secretIds += 1;
  }

  #countLease(id: string): void {
    this.#leases += 1;
    const path = id.slice(0, id.lastIndexOf('/'));
    const known = this.#leasePaths.get(path);
    if (known === undefined && this.#leasePaths.size >= shownPaths) return;
    this.#leasePaths.set(path, (known ?? 0) + 1);
  }

  #endsWithTokens(key: OpenedRecord['record']['key']): boolean {
    // Notices of what has long been told, or is left behind here, would be told once more.
    const prefixes = ['core/token/', 'core/lease/', 'core/mfa/pending', 'core/notice/waiting/'];
    if (prefixes.some((prefix) => key.startsWith(prefix))) return true;
    if (key.startsWith('due/')) {
      const { kind } = parseDue(key);
      return kind === 'token' || kind === 'token-tree' || kind === 'lease' || kind === 'pending-login';
    }
    return this.#cubbyholes.some((prefix) => key.startsWith(prefix));
  }
}

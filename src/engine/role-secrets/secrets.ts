/**
 * Secrets of a mount in its view, with two indexes that change in the commits that change them: every name, and for each principal the
 * names that it may read. So a list costs what it shows, and a folder is in it only where something below is.
 */
import type { ProvenPrincipal } from '../../core/endpoint.ts';
import type { DueEntry, View, ViewWrite } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEnvironment } from '../engine.ts';
import { isSame } from './principals.ts';
import { encodeRules, type Rules, RulesReader, rulesPath } from './rules.ts';
import { decodeSecret, encodeSecret, isGone, type Secret, secretPath } from './secret-record.ts';

/** Most principals on one list. */
export const mostRoles = 32;
/** Most that one request puts on a list and takes from it: a commit has its limit. */
export const mostChanges = 36;

export const namesFolder = 'name/';

/** A name as it was read. */
export interface Found {
  readonly name: string;
  /** Also of a name that was removed; undefined where nothing ever was. */
  readonly secret: Secret | undefined;
  readonly revision: Revision | null;
  readonly rules: Rules;
  /** Null before the mount's first write. */
  readonly rulesRevision: Revision | null;
}

export interface Change {
  readonly secret: Secret;
  readonly writes?: readonly ViewWrite[];
  readonly due?: readonly DueEntry[];
}

export class Secrets {
  readonly #digest: EngineEnvironment['digest'];
  readonly #rules = new RulesReader();

  constructor({ digest }: Pick<EngineEnvironment, 'digest'>) {
    this.#digest = digest;
  }

  /** A name, and what the mount says of all, as one snapshot. */
  async read(view: View, name: string): Promise<Found> {
    const [record, config] = await view.readMany([secretPath(name), rulesPath]);
    const rules = this.#rules.of(config);
    // A name that is not there costs what one costs that is: opening a record.
    const bytes = (record ?? config)?.open();
    const secret = record === undefined || bytes === undefined ? undefined : decodeSecret(bytes);
    return {
      name,
      secret,
      revision: record?.revision ?? null,
      rules,
      rulesRevision: config?.revision ?? null,
    };
  }

  async readRules(view: View): Promise<{ readonly rules: Rules; readonly revision: Revision | null }> {
    const record = await view.read(rulesPath);
    return { rules: this.#rules.of(record), revision: record?.revision ?? null };
  }

  /** The folder that holds the names a principal may read. */
  readableFolder({ mount, name }: ProvenPrincipal): string {
    return `reader/${this.#digest(JSON.stringify([mount, name]))}/`;
  }

  /**
   * Writes a secret with its place in the indexes. Throws `conflict` when it is no longer as it was found, `invalid_request` for a list
   * that is too long or changes too much at once.
   */
  async commit(view: View, found: Found, { secret, writes = [], due = [] }: Change): Promise<void> {
    const path = secretPath(found.name);
    // From the first secret on there are rules to read, as `read` needs them.
    const first = found.rulesRevision === null;
    await view.commit(
      [
        { path, value: encodeSecret(secret) },
        ...this.#indexWrites(found, secret),
        ...writes,
        ...(first ? [{ path: rulesPath, value: encodeRules(found.rules) }] : []),
      ],
      [{ path, revision: found.revision }, ...(first ? [{ path: rulesPath, revision: null }] : [])],
      due,
    );
  }

  #indexWrites({ name, secret: before }: Found, after: Secret): readonly ViewWrite[] {
    if (after.roles.length > mostRoles) {
      throw new CofferError('invalid_request', `at most ${mostRoles} principals may be on one list`);
    }
    const old = before?.roles ?? [];
    const added = after.roles.filter((role) => !old.some((each) => isSame(each, role)));
    const removed = old.filter((role) => !after.roles.some((each) => isSame(each, role)));
    if (added.length + removed.length > mostChanges) {
      throw new CofferError(
        'invalid_request',
        `one request puts at most ${mostChanges} principals on a list or takes them from it; do it in two`,
      );
    }
    const was = before !== undefined && !isGone(before);
    const is = !isGone(after);
    return [
      ...(was === is ? [] : [{ path: namesFolder + name, value: is ? entry : null }]),
      ...added.map((role) => ({ path: this.readableFolder(role) + name, value: entry })),
      ...removed.map((role) => ({ path: this.readableFolder(role) + name, value: null })),
    ];
  }
}

/** Entries of the indexes: their path says everything. */
const entry = Buffer.of(1);

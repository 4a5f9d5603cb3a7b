/**
 * Follows a registry elsewhere: what it lists as active is registered here, what it changes is changed, what it lost becomes inactive, if that is ordinary.
 * Every application is a commit of its own that can be made again; an answer counts as taken over once all of it is.
 */
import { everyItem } from '../../../core/pages.ts';
import { retryOnConflict } from '../../../core/retry.ts';
import { decodeStored } from '../../../core/stored-json.ts';
import type { View } from '../../../core/view.ts';
import { asCofferError, CofferError } from '../../../errors.ts';
import { type Outgoing, outgoing } from '../../../outgoing/https.ts';
import type { OutsideTurn } from '../../engine.ts';
import { applicationFolder, decodeApplication } from '../application.ts';
import { decodeSettings, type MountSettings, settingsPath } from '../mount-config.ts';
import type { ServiceUsersParts } from '../parts.ts';
import { askKio, parseList, type Registered, type RegistryAnswer, type RegistryList } from './kio.ts';
import { type Known, sideBySide } from './known.ts';
import {
  changeRegistryState,
  encodeRegistryState,
  noRegistryState,
  type RegistryState,
  registryEntry,
  registryPath,
  wholeSecond,
} from './registry-state.ts';
import { settleLosses } from './settle-losses.ts';
import { takeOver } from './take-over.ts';

/** Milliseconds for one answer. */
const patience = 15_000;
/** Seconds between two tries at a registry that fails, at most; or its interval, where that is longer. */
const longestPause = 300;

export class Follower {
  readonly #parts: ServiceUsersParts;
  readonly #outgoing: Outgoing;
  /** As of the answer with this digest: what was taken over by this very instance need not be read again. */
  #known: { readonly digest: string; readonly active: Known } | undefined;

  /** @param way out; the process's own unless told */
  constructor(parts: ServiceUsersParts, way: Outgoing = outgoing) {
    this.#parts = parts;
    this.#outgoing = way;
  }

  /** One look at the registry. May come late, twice, or for a mount that has none any more. */
  async follow(view: View, turn: OutsideTurn): Promise<void> {
    const claimed = await this.#claim(view);
    if (claimed !== undefined) await this.#pass(view, turn, claimed.settings, claimed.state);
  }

  /**
   * Puts the next entry into the index before anything is done, so that there is always one, and never two: an entry that finds another one
   * ahead of it is left over and does nothing.
   */
  async #claim(view: View) {
    return retryOnConflict(async () => {
      const now = this.#parts.clock.now();
      const [config, record] = await view.readMany([settingsPath, registryPath]);
      const settings = decodeSettings(config?.open());
      if (settings.registry !== 'kio') return undefined;
      const before = record === undefined ? noRegistryState : decodeStored<RegistryState>(record.open());
      if (before.nextAt > now) return undefined;
      const nextAt = wholeSecond(now + pauseAfter(before.failures, settings) * 1_000);
      const state = { ...before, nextAt, askedAt: now };
      await view.commit(
        [{ path: registryPath, value: encodeRegistryState(state) }],
        [{ path: registryPath, revision: record?.revision ?? null }],
        [registryEntry(nextAt)],
      );
      return { settings, state };
    });
  }

  async #pass(view: View, turn: OutsideTurn, settings: MountSettings, state: RegistryState): Promise<void> {
    let answer: RegistryAnswer;
    let list: RegistryList;
    try {
      answer = await turn.outside(patience, (signal) => askKio(this.#outgoing, settings, signal));
      if (isSettled(answer, state)) return;
      list = parseList(answer.body);
    } catch (error) {
      return this.#fail(view, error);
    }
    const known = await this.#knownFor(view, state);
    const isWhole = await this.#takeOver(view, list, known);
    const held = await settleLosses({ view, list, known, settings, state, parts: this.#parts });
    const after = await changeRegistryState(view, (now) => ({
      ...now,
      failures: 0,
      problem: null,
      skipped: list.skipped,
      skippedCount: list.skippedCount,
      // What was said of the registry meanwhile has everything compared anew.
      applied: isWhole && now.wishes === state.wishes ? answer.digest : '',
      // A person's word that came meanwhile, of the very same applications, stands.
      held:
        held !== null && now.held?.digest === held.digest ? { ...held, confirmed: now.held.confirmed } : held,
    }));
    this.#known = after.applied === '' ? undefined : { digest: after.applied, active: known };
  }

  async #fail(view: View, error: unknown): Promise<void> {
    // A duty that is another node's by now says nothing of the registry.
    if (error instanceof CofferError && error.code === 'conflict') throw error;
    const { code, message } = asCofferError(error);
    const now = this.#parts.clock.now();
    await changeRegistryState(view, (state) => ({
      ...state,
      failures: state.failures + 1,
      problem: { code, message, since: state.problem?.since ?? now },
    }));
  }

  async #knownFor(view: View, { applied }: RegistryState): Promise<Known> {
    if (this.#known !== undefined && this.#known.digest === applied) return this.#known.active;
    const active: Known = new Map();
    for await (const record of everyItem((page) => view.range(applicationFolder, page))) {
      const application = decodeApplication(record.open());
      if (application.active && !application.deleted) active.set(application.id, application);
    }
    return active;
  }

  /** Whether all of it could be. What is done is in `known`. */
  async #takeOver(view: View, list: RegistryList, known: Known): Promise<boolean> {
    const changed = [...list.active].filter(([id, registered]) => !isAlike(registered, known.get(id)));
    let isWhole = true;
    await sideBySide(changed, async ([id, registered]) => {
      const after = await takeOver(this.#parts, view, id, registered);
      if (after === undefined) isWhole = false;
      else known.set(id, { ...registered, createdAt: after.createdAt });
    });
    return isWhole;
  }
}

/** An answer that was taken over already, with nothing that a person has decided since. */
function isSettled({ digest }: RegistryAnswer, { applied, held, problem }: RegistryState): boolean {
  const isDecided = held !== null && (held.confirmed !== null || !held.told);
  return digest === applied && !isDecided && problem === null;
}

function isAlike(registered: Registered, known: Registered | undefined): boolean {
  return (
    known !== undefined &&
    known.team === registered.team &&
    known.name === registered.name &&
    known.subtitle === registered.subtitle
  );
}

/** Seconds. */
function pauseAfter(failures: number, { registryInterval }: MountSettings): number {
  return Math.min(registryInterval * 2 ** Math.min(failures, 20), Math.max(longestPause, registryInterval));
}

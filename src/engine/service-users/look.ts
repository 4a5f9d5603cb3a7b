/**
 * One look at an application: what is wanted and how it is are read, what follows is done one thing after another, and what came of each is
 * stored before the next touches anything outside. A look that ends anywhere is gone on with by the next one, on whichever node.
 */
import type { View, ViewWrite } from '../../core/view.ts';
import { randomBase62 } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { CredentialKind } from '../../service-user/provider.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEvent } from '../engine.ts';
import { type Application, applicationPath, decodeApplication, lookEntry } from './application.ts';
import { credentialKinds } from './documents.ts';
import { encodeHistory, type HistoryEntry, historyPath } from './history.ts';
import { cutEvery, cutHistory } from './history-cut.ts';
import { decodeSettings, type MountSettings, settingsPath } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import { type Action, isHurried, nextAction, providerSubject, type Scene } from './plan.ts';
import { lookAt } from './schedule.ts';
import { servedNow } from './served.ts';
import { type ApplicationState, decodeState, encodeState, noState, statePath } from './state.ts';
import { fractionOf, mended, pauseAfter } from './timetable.ts';
import { type Failure, noteFailures, noteOverdue } from './trouble.ts';

/** Things done in one look: far more than anything takes. */
const mostSteps = 200;

/** Somebody removed what is being looked at. */
class Gone extends Error {}

export type Carry = (action: Action, look: Look) => Promise<void>;

export class Look {
  readonly id: string;
  readonly view: View;
  readonly parts: ServiceUsersParts;
  readonly fresh = new Set<CredentialKind>();
  readonly waiting = new Set<CredentialKind>();
  readonly #failures = new Map<string, Failure>();
  readonly #worked = new Set<string>();
  /** What failed before and is not to be tried yet. */
  #resting: ReadonlySet<string> = new Set();
  #application: Application | undefined;
  #applicationRevision: Revision | null = null;
  #settings: MountSettings | undefined;
  #state: ApplicationState = noState;
  #stateRevision: Revision | null = null;
  #dirty = false;
  #events: HistoryEntry[] = [];

  constructor(id: string, view: View, parts: ServiceUsersParts) {
    this.id = id;
    this.view = view;
    this.parts = parts;
  }

  get now(): number {
    return this.parts.clock.now();
  }

  get state(): ApplicationState {
    return this.#state;
  }

  get application(): Application {
    if (this.#application === undefined) throw new Gone();
    return this.#application;
  }

  get settings(): MountSettings {
    if (this.#settings === undefined) throw new Gone();
    return this.#settings;
  }

  get scene(): Scene {
    const { application, settings, state, now, fresh, waiting } = this;
    const blocked = new Set([...this.#resting, ...this.#failures.keys()]);
    return { application, settings, state, now, fresh, waiting, blocked };
  }

  /** Replaces what is known; it is stored before anything else is done outside. */
  become(state: ApplicationState): void {
    this.#state = state;
    this.#dirty = true;
  }

  /** Goes into the application's history along with what is stored next. */
  tell(event: string, words: Omit<HistoryEntry, 'at' | 'event'> = {}): void {
    this.#events.push({ at: this.now, event, ...words });
    this.#dirty = true;
  }

  count(event: EngineEvent): void {
    this.parts.environment.tally?.(event);
  }

  /** Nothing more is asked of the subject in this look. */
  failed(subject: string, failure: Failure): void {
    this.#failures.set(subject, failure);
  }

  worked(subject: string): void {
    this.#worked.add(subject);
  }

  async run(carry: Carry): Promise<void> {
    try {
      if (!(await this.#read())) return;
      for (let steps = 0; steps < mostSteps; steps++) {
        const action = nextAction(this.scene);
        if (action.do === 'wait') {
          if (await this.#rest()) return;
        } else if (!touches(action) || (await this.save())) {
          await carry(action, this);
          if (action.do === 'forget') return;
        }
      }
    } catch (error) {
      if (error instanceof Gone) return;
      throw error;
    }
    throw new CofferError('internal', `the rotation of ${this.id} came to no rest`);
  }

  /** Stores what is known. False where what is wanted changed meanwhile: then it is to be thought over. */
  async save(queueAt?: number): Promise<boolean> {
    if (!this.#dirty && queueAt === undefined) return true;
    let unchanged = true;
    for (;;) {
      const queued = unchanged ? queueAt : undefined;
      const state = this.#ready(queued);
      try {
        const [revision] = await this.view.commit(
          [{ path: statePath(this.id), value: encodeState(state) }, ...this.#historyWrites()],
          [
            { path: statePath(this.id), revision: this.#stateRevision },
            { path: applicationPath(this.id), revision: this.#applicationRevision },
          ],
          queued === undefined ? [] : [lookEntry(this.id, queued)],
        );
        this.#stateRevision = revision ?? null;
        this.#state = state;
        this.#dirty = false;
        this.#events = [];
        return unchanged;
      } catch (error) {
        if (!(error instanceof ConflictError) || error.key !== applicationPath(this.id)) throw error;
        // What was done was done: it is stored all the same.
        unchanged = false;
        await this.#readWanted();
      }
    }
  }

  /** For the last commit of an application that goes: it must be as it was looked at. */
  async forgetRecords(): Promise<void> {
    const paths = [applicationPath(this.id), statePath(this.id)];
    await this.view.commit(
      paths.map((path) => ({ path, value: null })),
      [
        { path: applicationPath(this.id), revision: this.#applicationRevision },
        { path: statePath(this.id), revision: this.#stateRevision },
      ],
    );
  }

  async #read(): Promise<boolean> {
    const [application, state, settings] = await this.view.readMany([
      applicationPath(this.id),
      statePath(this.id),
      settingsPath,
    ]);
    if (application === undefined) return false;
    this.#application = decodeApplication(application.open());
    this.#applicationRevision = application.revision;
    this.#settings = decodeSettings(settings?.open());
    this.#stateRevision = state?.revision ?? null;
    const stored = state === undefined ? noState : decodeState(state.open());
    this.#state = mended(stored, this.now);
    this.#dirty = this.#state !== stored;
    const { retryAt, triedFor, problems } = this.#state;
    if (retryAt > this.now && triedFor === application.revision) {
      this.#resting = new Set(problems.map(({ target }) => target ?? providerSubject));
    }
    return true;
  }

  async #readWanted(): Promise<void> {
    const [application, settings] = await this.view.readMany([applicationPath(this.id), settingsPath]);
    if (application === undefined) throw new Gone();
    this.#application = decodeApplication(application.open());
    this.#applicationRevision = application.revision;
    this.#settings = decodeSettings(settings?.open());
    // What failed did so for what was wanted before.
    this.#failures.clear();
    this.#resting = new Set();
  }

  /** Stores how the look went and when the next one is due; nothing where neither is news. False where there is more to do. */
  async #rest(): Promise<boolean> {
    await this.#settle();
    await noteOverdue(this);
    if (this.#state.entries + this.#events.length >= cutEvery) {
      await cutHistory(this.view, this.id);
      this.become({ ...this.#state, entries: -this.#events.length });
    }
    const { queuedAt } = this.#state;
    const at = lookAt(this.scene);
    if (at === undefined) return this.save();
    // The entry that brought us here goes once we are done: the next must not stand in its second.
    const next = Math.max(at, this.now + 1_000);
    const stands = queuedAt > this.now && queuedAt <= next;
    return this.save(stands ? undefined : next);
  }

  async #settle(): Promise<void> {
    const before = this.#state;
    const noted = await noteFailures(this, this.#failures, this.#worked);
    const { failures, triedFor } = before;
    const tried = [...this.#failures.values()];
    if (tried.length === 0) {
      const well = noted.length === 0 && failures > 0;
      if (noted !== before.problems || well) {
        this.become({ ...this.#state, problems: noted, ...(well ? { failures: 0, retryAt: 0 } : {}) });
      }
      return;
    }
    const revision = this.#applicationRevision ?? triedFor;
    const met = tried.some(({ pause }) => pause === undefined);
    const count = met ? failures + 1 : failures;
    const hurries = credentialKinds.some((of) => isHurried(this.scene, of));
    const pauses = tried.map(({ pause }) =>
      pause === undefined
        ? pauseAfter(count, this.id, hurries)
        : Math.ceil(pause * (1 + fractionOf(this.id) / 4)),
    );
    const retryAt = this.now + Math.max(...pauses);
    this.become({ ...this.#state, problems: noted, failures: count, retryAt, triedFor: revision });
  }

  #ready(queued: number | undefined): ApplicationState {
    const state = { ...this.#state, entries: this.#state.entries + this.#events.length };
    const served = servedNow(this.application, state);
    return queued === undefined ? { ...state, served } : { ...state, served, queuedAt: queued };
  }

  #historyWrites(): readonly ViewWrite[] {
    return this.#events.map((entry) => ({
      path: historyPath(this.id, entry.at, randomBase62(this.parts.environment.random, 6)),
      value: encodeHistory(entry),
    }));
  }
}

/** Whether something outside may be different once it was begun: then all that is known is stored before. */
function touches(action: Action): boolean {
  switch (action.do) {
    case 'unsettle':
    case 'admit':
    case 'begin':
    case 'try':
    case 'verify':
    case 'release':
    case 'wait':
      return false;
    default:
      return true;
  }
}

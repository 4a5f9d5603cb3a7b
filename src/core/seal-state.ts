/**
 * A node's seal state: no store yet, sealed, or unsealed with a working core. Sealing is recorded in the clear, so that every
 * node and every later start knows of it before any key is at hand.
 */
import { Barrier } from '../barrier/barrier.ts';
import { randomUuid } from '../crypto/random.ts';
import { asCofferError, CofferError, ConflictError } from '../errors.ts';
import { originOf } from '../origin.ts';
import { type Boot, readBoot, sealMarkKey } from '../seal/boot.ts';
import { type KeyCollector, offerKey } from '../seal/collector.ts';
import type { Slot } from '../seal/slots.ts';
import { withRoom } from '../storage/room.ts';
import { withSnapshots } from '../storage/snapshot.ts';
import type { Revision } from '../storage/storage.ts';
import { AutomaticUnseal, type FirstTry } from './automatic-unseal.ts';
import { Core } from './core.ts';
import { type CreatedStore, createStore, type NewStore } from './create-store.ts';
import { bumpEpoch } from './epoch.ts';
import { readOpening } from './first-records.ts';
import { announceRotation } from './key/announce.ts';
import { KeySlots, type OpenedSlots } from './key/key-slots.ts';
import { type Asker, sealedNotice, unsealedNotice } from './notice/core-notices.ts';
import type { Notice } from './notices.ts';
import { defaultLimits } from './quota/limits.ts';
import { retryOnConflict } from './retry.ts';
import type { SealControl, SealStatus } from './seal-control.ts';
import type { SealStateOptions } from './seal-state-options.ts';
import { rotateIfUsedUp } from './used-up-term.ts';

interface OpenSlot {
  readonly slot: Slot;
  readonly collector: KeyCollector;
}

/** The kind of storage that no other process can reach. */
const unsharedKind = 'memory';

export class SealState implements SealControl {
  readonly #options: SealStateOptions;
  #boot: Boot = { kind: 'empty' };
  #collectors: readonly OpenSlot[] = [];
  #core: Core | undefined;
  #opening: Promise<void> | undefined;
  /** Slots that have been seen to open since this node runs. */
  readonly #opened: OpenedSlots = new Map();
  readonly #automatic: AutomaticUnseal;

  constructor(options: SealStateOptions) {
    this.#options = options;
    this.#automatic = new AutomaticUnseal({
      ...options,
      closedStore: () => this.#closedStore(),
      open: async (rootKey, slot) => {
        await this.#open(rootKey, 'as-marked');
        this.#opened.set(slot.id, 'by itself');
        // Nodes that come and go with requests would tell of each.
        if (options.manner === undefined) await this.#tell(unsealedNotice(slot.kind, undefined));
      },
    });
  }

  /** The working core; undefined while sealed or without a store. */
  get core(): Core | undefined {
    return this.#core;
  }

  get initialized(): boolean {
    return this.#boot.kind === 'store';
  }

  /**
   * Looks at the store and unseals it where an automatic slot can. Throws what `readBoot` throws; a slot that does not open is
   * logged, and the node stays sealed; where its key does not answer, it is tried again.
   */
  async start(): Promise<void> {
    await this.#automatic.start();
  }

  /** As `start`, for a node that listens meanwhile: resolves before anything is asked whose key is elsewhere. */
  async begin(): Promise<FirstTry> {
    return this.#automatic.begin();
  }

  async status(): Promise<SealStatus> {
    if (this.#boot.kind === 'empty') await this.#readBoot();
    const collector = this.#collectors.find(({ slot }) => slot.kind === 'shamir') ?? this.#collectors[0];
    const boot = this.#boot;
    return {
      initialized: boot.kind === 'store',
      sealed: this.#core === undefined,
      kind: collector?.slot.kind ?? 'shamir',
      shares: collector?.collector.shares ?? 0,
      threshold: collector?.collector.threshold ?? 0,
      progress: collector?.collector.progress ?? 0,
      opensByItself: this.#options.seals.some(({ remote }) => remote === true),
      waiting: this.#core === undefined ? this.#automatic.waiting : undefined,
      storageKind: this.#options.storage.kind,
      storeId: boot.kind === 'store' ? boot.header.id : undefined,
      isShared: this.#options.storage.kind !== unsharedKind,
      node: this.#core?.nodes.facts(),
    };
  }

  /** Throws `already_initialized` when there is a store. The new store stays sealed. */
  async create(wanted: Omit<NewStore, 'storage' | 'clock' | 'random'>): Promise<CreatedStore> {
    await this.#readBoot();
    if (this.#boot.kind === 'store')
      throw new CofferError('already_initialized', 'Vault is already initialized');
    const { storage, clock, random } = this.#options;
    const created = await createStore({ ...wanted, storage, clock, random });
    await this.#readBoot();
    return created;
  }

  /**
   * Makes a store that opens with shares, and by itself where the node's settings name keys elsewhere. Throws `already_initialized`,
   * `invalid_request` for numbers that cannot be, and what those seals throw.
   */
  async initialize(
    split: { readonly shares: number; readonly threshold: number },
    rootToken?: string,
    withSecretMount = false,
  ): Promise<CreatedStore & { readonly shares: readonly Buffer[] }> {
    let shares: readonly Buffer[] = [];
    const created = await this.create({
      withSecretMount,
      ...(rootToken === undefined ? {} : { rootToken }),
      makeSlots: async (rootKey, storeId) => {
        const slotId = randomUuid(this.#options.random);
        const slot = await this.#options.splitSlot(rootKey, split, { storeId, slotId });
        shares = slot.shares;
        const ofShares = { id: slotId, kind: 'shamir', body: slot.body };
        return [ofShares, ...(await this.#remoteSlots(rootKey, storeId))];
      },
    });
    // The keys are shown now or never: whatever keeps the store from opening by itself is in the log.
    if (this.#options.seals.some(({ remote }) => remote === true)) await this.start().catch(() => undefined);
    return { ...created, shares };
  }

  #remoteSlots(rootKey: Buffer, storeId: string): Promise<readonly Slot[]> {
    const remote = this.#options.seals.filter((seal) => seal.remote === true);
    return Promise.all(
      remote.map(async (seal) => {
        const slotId = randomUuid(this.#options.random);
        return { id: slotId, kind: seal.kind, body: await seal.wrap(rootKey, { storeId, slotId }) };
      }),
    );
  }

  /**
   * Takes one key of one slot. Throws `invalid_request` for what is no key of this store, `wrong_key` when the keys handed in
   * do not open it; then counting begins anew. Handing a key to an unsealed node does nothing.
   */
  async submitKey(text: string, from = ''): Promise<void> {
    if (this.#boot.kind === 'empty') await this.#readBoot();
    if (this.#boot.kind === 'empty') throw new CofferError('invalid_request', 'the store is not initialized');
    if (this.#core !== undefined) return;
    await this.#readBoot();
    const slots = this.#collectors;
    const offered = await offerKey(
      slots.map(({ collector }) => collector),
      text,
      originOf(from),
    );
    if (offered.kind !== 'opened') return;
    await this.#open(offered.rootKey, 'unmark');
    await this.#tell(unsealedNotice('by hand', from));
    const opened = slots.find(({ collector }) => collector === offered.by);
    if (opened !== undefined) this.#opened.set(opened.slot.id, 'by hand');
  }

  /**
   * Opens with a root key that another process of this server holds; zeroes it. Throws `sealed` where the store is marked as sealed.
   */
  async openWith(rootKey: Buffer): Promise<void> {
    if (this.#boot.kind === 'empty') await this.#readBoot();
    await this.#open(rootKey, 'as-marked');
  }

  /** Forgets the keys if another process has sealed the store. */
  async lookForSeal(): Promise<void> {
    if (this.#core !== undefined && (await this.#markedSealed())) await this.drop();
  }

  resetKeys(): void {
    if (this.#core !== undefined) throw new CofferError('invalid_request', 'vault is unsealed');
    for (const { collector } of this.#collectors) collector.reset();
  }

  /** Records that the store is sealed and tells every node. `drop` then forgets this node's keys. */
  async recordSeal(asker?: Asker): Promise<void> {
    const core = this.#core;
    if (core === undefined) return;
    // Before the mark: sealed, it could be told of by nobody.
    if (asker !== undefined) await this.#tell(sealedNotice(asker));
    const mark = Buffer.from(JSON.stringify({ format: 1, sealed_at: this.#options.clock.now() }));
    await this.#options.storage.commit([{ key: sealMarkKey, value: mark }]);
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(core.barrier, 'seal');
      await core.barrier.commit([bump.write], [bump.expectation]);
    });
  }

  /** Forgets the keys and ends the work of this node; safe to call twice. */
  async drop(): Promise<void> {
    const core = this.#core;
    this.#core = undefined;
    if (core === undefined) return;
    try {
      await core.stop();
      await core.audit.close();
    } finally {
      core.barrier.seal();
      for (const { collector } of this.#collectors) collector.reset();
    }
  }

  /** Ends the node: seals in memory, leaves no mark. */
  async close(): Promise<void> {
    for (const seal of this.#options.seals) seal.close?.();
    await this.#automatic.stop();
    await this.#opening?.catch(() => undefined);
    await this.drop();
    await this.#options.storage.close();
  }

  /** Two people who hand in the last key at once open the store once. `unmark`: it is no longer marked as sealed then. */
  async #open(rootKey: Buffer, mark: 'unmark' | 'as-marked'): Promise<void> {
    this.#opening ??= this.#openOnce(rootKey, mark).finally(() => {
      this.#opening = undefined;
    });
    await this.#opening.finally(() => rootKey.fill(0));
  }

  async #openOnce(rootKey: Buffer, mark: 'unmark' | 'as-marked'): Promise<void> {
    const { storage, clock, random, types, log } = this.#options;
    if (this.#boot.kind === 'empty' || this.#core !== undefined) return;
    const { sealMark, keyring, recordsOf } = await readOpening(storage);
    const barrier = new Barrier({ storage, random, clock });
    await barrier.unseal(rootKey, this.#boot.header.id, keyring);
    // What rests writes nothing before it is asked for something, and need not wait with loading until it may.
    const rests = this.#options.manner === 'rests';
    let added = rests ? undefined : await rotateIfUsedUp(barrier);
    const audit = await this.#options.openAudit(barrier).catch((error: unknown) => {
      barrier.seal();
      throw error;
    });
    const core = new Core({
      barrier,
      snapshots: withSnapshots(storage),
      room: withRoom(storage),
      storeId: this.#boot.header.id,
      audit,
      types,
      systemTtls: this.#options.systemTtls,
      jobTypes: this.#options.jobTypes ?? [],
      slots: this.#keySlots(barrier),
      manualSeals: this.#options.manualSeals,
      unauthenticatedKeyOperations: this.#options.unauthenticatedKeyOperations,
      limits: this.#options.limits ?? (() => defaultLimits),
      clock,
      random,
      seal: this,
      ...(this.#options.telemetry === undefined ? {} : { telemetry: this.#options.telemetry }),
      ...(this.#options.surroundings === undefined ? {} : { surroundings: this.#options.surroundings }),
      log,
      formats: this.#options.formats ?? {},
      manner: this.#options.manner,
      onUnfit: (error) => this.#stopServing(error),
      onSealedElsewhere: () => this.#followSeal(),
    });
    try {
      if (sealMark !== undefined && mark === 'as-marked') throw sealedMeanwhile();
      await core.start(recordsOf(barrier), async () => {
        // Sealed from now on, the epoch is another than the one that was read with the mark, and the first request sees that.
        if (!rests && mark === 'as-marked') await this.#requireUnmarked();
        if (rests) added = await rotateIfUsedUp(barrier);
      });
      if (rests) barrier.getReady();
      if (added !== undefined) await announceRotation(audit, added);
      if (mark === 'unmark') await this.#unmark(sealMark?.revision ?? null);
    } catch (error) {
      await core.stop();
      // The core's own: devices behind the log are closed with it.
      await core.audit.close().catch(() => undefined);
      barrier.seal();
      throw error;
    }
    this.#core = core;
  }

  /** Nothing is kept from being done because nobody could be told. */
  async #tell(notice: Notice): Promise<void> {
    await this.#core?.notices.post(notice).catch((error: unknown) => {
      const { code, message } = asCofferError(error);
      this.#options.log('a notice could not be put up', { kind: notice.kind, code, reason: message });
    });
  }

  #keySlots(barrier: Barrier): KeySlots {
    const { storage, random, seals, manualSeals, slotMakers: makers, dataPlace } = this.#options;
    return new KeySlots({
      storage,
      barrier,
      random,
      seals,
      manualSeals,
      makers,
      dataPlace,
      opened: this.#opened,
    });
  }

  /** Throws `sealed` when another node sealed the store since its mark was read: whoever seals has the last word. */
  async #unmark(revision: Revision | null): Promise<void> {
    try {
      await this.#options.storage.commit(
        [{ key: sealMarkKey, value: null }],
        [{ key: sealMarkKey, revision }],
      );
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      throw sealedMeanwhile();
    }
  }

  /** A node that was silent for so long that the others went on without it, to formats it does not read. */
  #stopServing(error: unknown): void {
    const { code, message } = asCofferError(error);
    this.#options.log('this node serves the store no more', { code, reason: message });
    void this.drop().catch(() => undefined);
  }

  async #followSeal(): Promise<void> {
    if (!(await this.#markedSealed())) return;
    await this.drop();
    throw new CofferError('sealed', 'Vault is sealed');
  }

  async #requireUnmarked(): Promise<void> {
    if (await this.#markedSealed()) throw sealedMeanwhile();
  }

  async #markedSealed(): Promise<boolean> {
    return (await this.#options.storage.read(sealMarkKey)) !== undefined;
  }

  /** A slot that was removed opens nothing any more, and one that was added does; keys handed in so far count on if none changed. */
  async #readBoot(): Promise<void> {
    const known = this.#boot;
    const boot = await readBoot(this.#options.storage);
    this.#boot = boot;
    if (boot.kind === 'empty') return;
    if (known.kind === 'store' && known.slotsRevision === boot.slotsRevision) return;
    const storeId = boot.header.id;
    this.#collectors = boot.slots.flatMap((slot) => {
      const manual = this.#options.manualSeals.find(({ kind }) => kind === slot.kind);
      return manual === undefined
        ? []
        : [{ slot, collector: manual.collect(slot.body, { storeId, slotId: slot.id }) }];
    });
  }

  async #closedStore(): Promise<{ readonly id: string; readonly slots: readonly Slot[] } | undefined> {
    await this.#readBoot();
    const boot = this.#boot;
    if (boot.kind === 'empty' || boot.markedSealed || this.#core !== undefined) return undefined;
    return { id: boot.header.id, slots: boot.slots };
  }
}

function sealedMeanwhile(): CofferError {
  return new CofferError('sealed', 'the store was sealed meanwhile');
}

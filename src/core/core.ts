/** What an unsealed node works with: the rooms of the core wired to one barrier, made at unseal and dropped at seal. */
import type { Barrier } from '../barrier/barrier.ts';
import type { BarrierStore, SealedRecord } from '../barrier/store.ts';
import type { Clock } from '../clock.ts';
import { type Random, randomUuid } from '../crypto/random.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Revision } from '../storage/storage.ts';
import { allOf } from './all-of.ts';
import { Approvals } from './approval/approvals.ts';
import type { AuditLog } from './audit/audit.ts';
import { AuditDevices } from './audit-device/devices.ts';
import { Backups, tagKeyOf } from './backup/backups.ts';
import { announceRestore } from './backup/restored.ts';
import type { CoreOptions } from './core-options.ts';
import { expiryDuty, jobDuty, outsideDuty } from './duties.ts';
import type { ExpiryDuty } from './duty/expiry.ts';
import type { OutsideDuty } from './duty/outside.ts';
import { decodeEpoch, type Epoch, isOlder } from './epoch.ts';
import type { FirstRecords } from './first-records.ts';
import { identityEngine } from './identity/endpoints.ts';
import { Identities } from './identity/identities.ts';
import type { JobDuty } from './job/duty.ts';
import { Jobs } from './job/jobs.ts';
import { announceRotation } from './key/announce.ts';
import { Rotation } from './key/rotation.ts';
import { Leases } from './lease/leases.ts';
import { loadChanged } from './load-changed.ts';
import { type Meter, noTelemetry } from './meter.ts';
import { withMfa } from './mfa/endpoints.ts';
import { Mfa } from './mfa/mfa.ts';
import { cubbyholeType, identityType, systemType, tokenType } from './mount/builtin.ts';
import { mountDataPrefix } from './mount/entry.ts';
import { Mounts } from './mount/mounts.ts';
import { typeWords } from './mount/type-words.ts';
import { MountView } from './mount/view.ts';
import { ClockWatch } from './node/clock-watch.ts';
import { FormatGate } from './node/formats.ts';
import { Nodes } from './node/nodes.ts';
import { Outbox } from './notice/outbox.ts';
import { askAs } from './own-request.ts';
import { PasswordPolicies } from './password-policy/store.ts';
import type { ApiPath } from './path.ts';
import { PolicyStore } from './policy/store.ts';
import { Ceilings } from './quota/ceilings.ts';
import { defaultLimits } from './quota/limits.ts';
import { Quotas } from './quota/quotas.ts';
import type { CoreRooms } from './rooms.ts';
import { ServerSettings } from './server/settings.ts';
import { noSurroundings, type Surroundings } from './surroundings.ts';
import { systemEndpoints } from './system-endpoints.ts';
import { BatchTokens } from './token/batch.ts';
import { cubbyholeEngine, cubbyholeFolder } from './token/cubbyhole.ts';
import { tokenEngine } from './token/endpoints.ts';
import { TokenReader } from './token/reader.ts';
import type { TokenId } from './token/record.ts';
import { Tokens, tokenKeys } from './token/tokens.ts';
import { Wrappings } from './wrapping/wrappings.ts';

/** Milliseconds that stopping waits for a pass under way: no system outside that hangs may keep the keys in memory. */
const longestFarewell = 5_000;
/** The duties that every node takes its turn in. */
const workers = ['expiry', 'jobs', 'outside'] as const;
/** Milliseconds between passes of the expiry duty. */
const expiryEvery = 1_000;

export class Core implements CoreRooms {
  readonly barrier: Barrier;
  readonly store: BarrierStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly random: Random;
  readonly tokens: Tokens;
  readonly batchTokens: BatchTokens;
  readonly tokenReader: TokenReader;
  readonly identities: Identities;
  readonly mfa: Mfa;
  readonly mounts: Mounts;
  readonly leases: Leases;
  readonly policies: PolicyStore;
  readonly backups: Backups;
  readonly expiry: ExpiryDuty;
  readonly outside: OutsideDuty;
  readonly jobs: Jobs;
  readonly wrappings: Wrappings;
  readonly approvals: Approvals;
  readonly quotas: Quotas;
  readonly ceilings: Ceilings;
  readonly devices: AuditDevices;
  readonly settings: ServerSettings;
  readonly passwordPolicies: PasswordPolicies;
  readonly surroundings: Surroundings;
  readonly jobDuty: JobDuty;
  readonly rotation: Rotation;
  readonly clockWatch: ClockWatch;
  readonly formats: FormatGate;
  readonly nodes: Nodes;
  readonly notices: Outbox;
  readonly #options: CoreOptions;
  #epoch: Epoch | undefined;
  #epochRevision: Revision | undefined;
  #loading: Promise<void> | undefined;
  #timer: Disposable | undefined;
  /** They hold keys that people handed in. */
  readonly #ceremonies: readonly { cancel(): void }[];

  constructor(options: CoreOptions) {
    const { barrier, clock, random, snapshots, storeId } = options;
    this.#options = options;
    this.barrier = barrier;
    this.store = barrier;
    this.surroundings = options.surroundings ?? noSurroundings(clock);
    this.devices = new AuditDevices({
      ...this.surroundings.devices,
      store: barrier,
      random,
      chain: options.audit,
      log: options.log,
    });
    this.settings = new ServerSettings(barrier);
    this.clockWatch = new ClockWatch(clock, options.log);
    this.formats = new FormatGate(barrier, options.formats ?? {});
    this.nodes = new Nodes({
      store: barrier,
      clock,
      id: randomUuid(random),
      process: this.surroundings.process,
      gate: this.formats,
      watch: this.clockWatch,
      address: this.surroundings.address,
      workers,
      types: typeWords(options.types),
      log: options.log,
      onUnfit: options.onUnfit ?? (() => undefined),
    });
    this.passwordPolicies = new PasswordPolicies(barrier);
    this.audit = this.devices.watched();
    this.clock = clock;
    this.meter = options.telemetry ?? noTelemetry;
    this.random = random;
    const tally: Meter['tally'] = (event) => this.meter.tally(event);
    const { notifiers, process } = this.surroundings;
    const byItself = options.manner === undefined;
    const ofOutbox = { store: barrier, clock, random, process, byItself, tally, log: options.log };
    this.notices = new Outbox({ ...notifiers, ...ofOutbox });
    this.tokens = new Tokens({ store: barrier, ...tokenKeys(barrier), clock, random });
    const idOf = (text: string) => this.tokens.idOf(text);
    this.batchTokens = new BatchTokens({ texts: barrier.texts, idOf });
    const digestKey = barrier.purposeKey('identity-digest');
    this.identities = new Identities({ store: barrier, digestKey, clock, random });
    this.mfa = new Mfa({ store: barrier, hashKey: barrier.purposeKey('mfa-request'), clock, random });
    this.tokenReader = new TokenReader(barrier, {
      idOf,
      batch: this.batchTokens,
      identities: this.identities.reader,
    });
    this.policies = new PolicyStore(barrier, clock);
    this.leases = new Leases({
      store: barrier,
      clock,
      random,
      findMount: (uuid) => this.mounts.find(uuid),
      tally,
    });
    this.backups = new Backups({ storage: snapshots, storeId, tagKey: tagKeyOf(barrier), clock, random });
    this.quotas = new Quotas(barrier);
    const { peers } = this.surroundings;
    this.ceilings = new Ceilings(barrier, clock, options.limits ?? (() => defaultLimits), (prefix) =>
      peers?.tell('given', prefix),
    );
    peers?.hear('given', (prefix) => this.ceilings.note(prefix));
    this.wrappings = new Wrappings({
      store: barrier,
      clock,
      tokens: this.tokens,
      cubbyhole: (token) => this.#ownCubbyhole(token),
    });
    this.approvals = new Approvals(this, { notices: this.notices, log: options.log });
    this.jobs = new Jobs({ store: barrier, clock, random });
    this.rotation = new Rotation({
      terms: barrier,
      store: barrier,
      jobs: this.jobs,
      clock,
      announce: (term) => announceRotation(options.audit, term),
    });
    const system = systemEndpoints(this, options);
    this.#ceremonies = system.ceremonies;
    this.mounts = new Mounts({
      store: barrier,
      types: options.types,
      systemTtls: options.systemTtls,
      builtin: new Map([
        [systemType, { endpoints: system.endpoints }],
        [tokenType, tokenEngine(this)],
        [cubbyholeType, cubbyholeEngine(this)],
        [identityType, withMfa(this, identityEngine(this))],
      ]),
      digestKey: barrier.purposeKey('mount-digest'),
      clock,
      random,
      notices: this.notices,
      tally,
      generatePassword: (policy) => this.passwordPolicies.generate(policy, random),
      nobodies: peers?.nobodies,
      serverAddress: this.surroundings.address,
      formatVersion: (name) => this.formats.writes(name),
      entityOf: (mount, alias) => this.identities.entityOfAlias(mount, alias),
      askAs: (asker, entityId, operation, path, data) =>
        askAs(this, asker, entityId, { operation, path, data }),
    });
    this.expiry = expiryDuty(this, options);
    this.outside = outsideDuty(this, options);
    this.jobDuty = jobDuty(this, options);
  }

  /**
   * Loads what routing needs. Throws `integrity` where the store lacks what every store has, `store_unusable` where it holds what this
   * program does not read: of the first records none is opened before that is known. `beside` is done while mounts are loaded, and its
   * failure is the start's.
   */
  async start({ epoch, levels, restored }: FirstRecords, beside: () => Promise<void>): Promise<void> {
    if (this.#options.manner === 'rests') this.formats.take(levels);
    else await this.nodes.join();
    await allOf([this.#load(epoch), beside()]);
    await this.#addMissingMounts();
    const beginning = await announceRestore(this.barrier, this.audit, restored);
    if (beginning !== undefined) this.batchTokens.beginAt(beginning);
    if (this.#options.manner === undefined) this.#tick();
  }

  /** Starts no more work of its own, and lets what runs come to an end, for as long as a seal can wait. */
  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.backups.stop();
    this.jobDuty.stop();
    this.outside.stop();
    this.surroundings.monitors.closeAll();
    for (const ceremony of this.#ceremonies) ceremony.cancel();
    let timer: Disposable | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.clock.after(longestFarewell, resolve);
    });
    await Promise.race([
      Promise.all([
        this.nodes.leave(),
        this.expiry.settled(),
        this.outside.settled(),
        this.jobDuty.settled(),
        this.notices.stop(),
      ]),
      late,
    ]);
    timer?.[Symbol.dispose]();
    this.mounts.close();
  }

  /** Whether the store's disk is full: then only what lessens harm is done. */
  isShort(): boolean {
    return this.#options.room?.isShort() === true;
  }

  /** Brings the caches to the epoch read in this request; at no cost when nothing changed. */
  async at(epoch: SealedRecord | undefined): Promise<Epoch> {
    const current = this.current(epoch);
    if (current !== undefined) return current;
    // A load under way may have begun before this request read its epoch; one begun after it is late enough.
    await this.#loading;
    if (epoch?.revision !== this.#epochRevision) {
      this.#loading ??= this.#load().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
    return this.epoch();
  }

  /** The epoch if the caches are those of this record; undefined when they must be brought to it. */
  current(epoch: SealedRecord | undefined): Epoch | undefined {
    return epoch?.revision === this.#epochRevision ? this.#epoch : undefined;
  }

  epoch(): Epoch {
    if (this.#epoch === undefined) throw new CofferError('sealed', 'Vault is sealed');
    return this.#epoch;
  }

  /** A mount's view outside of any request. */
  view(uuid: string): MountView {
    return new MountView(this.barrier, uuid, (writes, expectations) =>
      this.barrier.commit(writes, expectations),
    );
  }

  /** @param read the epoch, where it has just been read */
  async #load(read?: SealedRecord): Promise<void> {
    const record = read ?? (await this.tokenReader.read(undefined)).epoch;
    const epoch = decodeEpoch(record);
    const known = this.#epoch;
    if (known !== undefined && isOlder(epoch, known)) {
      throw new CofferError('integrity', 'the store went back to an earlier state; restart to go on from it');
    }
    if (known !== undefined && epoch.seal !== known.seal) await this.#options.onSealedElsewhere();
    if (known !== undefined && epoch.keyring !== known.keyring) await this.barrier.reloadKeyring();
    await loadChanged(this, known, epoch, record);
    this.#epoch = epoch;
    this.#epochRevision = record?.revision;
  }

  /** Stores of earlier programs lack what later ones always have. Without room for it the rest of the store is served all the same. */
  async #addMissingMounts(): Promise<void> {
    await this.mounts.addBuiltin().catch((error: unknown) => {
      const { code, message } = asCofferError(error);
      if (code !== 'storage_full' && code !== 'unavailable') throw error;
      this.#options.log('a mount that every store has could not be added', { code, reason: message });
    });
  }

  /** Where a token's cubbyhole lies in the store. */
  cubbyholePrefix(token: TokenId): string | undefined {
    const mount = this.mounts.table.at('cubbyhole/');
    return mount === undefined ? undefined : mountDataPrefix(mount.entry.uuid) + cubbyholeFolder(token);
  }

  #ownCubbyhole(token: TokenId): string {
    const prefix = this.cubbyholePrefix(token);
    if (prefix === undefined) throw new CofferError('internal', 'the store has no cubbyhole');
    return prefix;
  }

  /** Where no request comes by, this is how a node learns that mounts have changed or that the store was sealed. */
  async #pass(): Promise<void> {
    this.clockWatch.look();
    await this.at((await this.tokenReader.read(undefined)).epoch);
    // Before all else: nothing else can be written once a term is used up.
    await this.rotation.rotateIfDue();
    if (this.#timer === undefined) return;
    this.workOnJobs();
    // Not waited for: while a system outside hangs it takes minutes, in which this node would not see that the store was sealed.
    this.expiry.run().catch((error: unknown) => this.#tell('the expiry duty failed', error));
    this.notices.run().catch((error: unknown) => this.#tell('telling of notices failed', error));
    // What happens outside has to be written down: on a full disk nothing of it begins.
    if (this.isShort()) return;
    this.outside.run().catch((error: unknown) => this.#tell('the duty for work outside failed', error));
  }

  #tell(message: string, error: unknown): void {
    if (asCofferError(error).code !== 'sealed') this.#options.log(message, { error });
  }

  auditRefusal(path: ApiPath, remoteAddress: string, quota: string): void {
    const told = { path, remote_address: remoteAddress, quota };
    this.audit.append({ type: 'event', event: 'rate-limited', ...told }, 'kernel').catch((error: unknown) => {
      this.#options.log('a refusal was not audited', { error });
    });
  }

  workOnJobs(): void {
    // Jobs write much, and go on from where they are. What is frozen, or told when to work, leaves them to others.
    if (this.isShort() || this.#options.manner !== undefined) return;
    this.jobDuty.run().catch((error: unknown) => this.#tell('the job duty failed', error));
  }

  #tick(): void {
    this.#timer = this.clock.after(expiryEvery, () => {
      this.#pass()
        .catch((error: unknown) => this.#tell('a look at the store failed', error))
        .finally(() => {
          if (this.#timer !== undefined) this.#tick();
        });
    });
  }
}

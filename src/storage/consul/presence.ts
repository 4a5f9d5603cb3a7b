/**
 * That a process has the store open: a session of Consul (developer.hashicorp.com/consul/docs/dynamic-app-config/sessions), renewed while the
 * process lives. Keys that the session holds are taken away by Consul when it ends: one that says who is there, and the lanes that
 * commits go by. Nothing rests on a session being alive: a process that lost its own finds its lanes gone, and enters anew.
 */
import { randomUUID } from 'node:crypto';
import { AgentLost } from './agent.ts';
import { asFailure, failureOfAnswer, Refusal } from './failure.ts';
import type { Ways } from './layout.ts';
import { jsonOf, type KvOperation, refusalOf, write } from './txn.ts';

/** Commits under way at a time, each on a lane of its own. */
const laneCount = 16;
/** Seconds; Consul takes nothing below 10, and waits up to twice as long. */
const timeToLive = 15;
const renewEvery = 5_000;

/** A key that commits of one process go by, one after the other. */
export interface Lane {
  readonly key: string;
  /** Of the commit that wrote it last, as far as this process knows. */
  index: number;
}

/** One session, and what it holds. */
export class Entry {
  readonly id: string;
  readonly session: string;
  readonly #free: Lane[];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  #lost = false;

  constructor(id: string, session: string, lanes: readonly Lane[]) {
    this.id = id;
    this.session = session;
    this.#free = [...lanes];
  }

  /** The session has ended, as far as is known. */
  get lost(): boolean {
    return this.#lost;
  }

  lose(): void {
    this.#lost = true;
  }

  /** Those who wait are served in their order. */
  async take(): Promise<Lane> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(lane: Lane): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(lane);
    else next(lane);
  }
}

export class Presence {
  readonly #ways: Ways;
  /** Who this is, for people. */
  readonly #description: string;
  #entry: Promise<Entry> | undefined;
  #renewal: Disposable | undefined;
  #left = false;

  constructor(ways: Ways, description: string) {
    this.#ways = ways;
    this.#description = description;
  }

  /** The entry that holds, or another one in its place. Rejects with `Refusal` and `AgentLost`. */
  async entry(): Promise<Entry> {
    const before = this.#entry;
    if (before !== undefined) {
      const entry = await before;
      if (!entry.lost) return entry;
      // Of all who find it lost, the first enters anew.
      if (this.#entry === before) this.#entry = undefined;
    }
    this.#entry ??= this.#enter();
    const entering = this.#entry;
    return entering.catch((error: unknown) => {
      if (this.#entry === entering) this.#entry = undefined;
      throw error;
    });
  }

  /** Ids of others who are there, with what they say of themselves, are below `layout.openings`; this is ours. */
  async own(): Promise<string | undefined> {
    return (await this.#entry?.catch(() => undefined))?.id;
  }

  /** Consul ends the session by itself where it can't be told. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#renewal?.[Symbol.dispose]();
    const entry = await this.#entry?.catch(() => undefined);
    if (entry === undefined) return;
    await this.#end(entry.session);
  }

  async #end(session: string): Promise<void> {
    await this.#ways.agent
      .ask({ method: 'PUT', path: `/v1/session/destroy/${session}` })
      .catch(() => undefined);
  }

  async #enter(): Promise<Entry> {
    const { agent, layout } = this.#ways;
    const session = await this.#makeSession();
    const id = randomUUID();
    const lanes = Array.from({ length: laneCount }, (_, place) => ({
      key: `${layout.lanes}${id}/${place}`,
      index: 0,
    }));
    const lock = (Key: string, text: string): KvOperation => ({
      Verb: 'lock',
      Key,
      Session: session,
      Value: Buffer.from(text).toString('base64'),
    });
    try {
      const held = [lock(layout.openings + id, this.#description), ...lanes.map(({ key }) => lock(key, ''))];
      const answer = await write(agent, held);
      if (answer.kind === 'refused') throw refusalOf(answer.problems);
      const indexes = new Map(answer.entries.map(({ key, index }) => [key, index]));
      for (const lane of lanes) lane.index = indexes.get(lane.key) ?? 0;
      if (lanes.some(({ index }) => index === 0)) throw refusalOf([]);
    } catch (error) {
      await this.#end(session);
      throw error;
    }
    const entry = new Entry(id, session, lanes);
    this.#renewLater(entry);
    return entry;
  }

  async #makeSession(): Promise<string> {
    const body = JSON.stringify({
      Name: 'coffer',
      TTL: `${timeToLive}s`,
      Behavior: 'delete',
      LockDelay: '0s',
      // The life of the process alone counts, and not the health of the machine that the agent is on.
      NodeChecks: [],
      Checks: [],
    });
    const answer = await this.#ways.agent.ask({ method: 'PUT', path: '/v1/session/create', body });
    if (answer.status !== 200) throw new Refusal(failureOfAnswer(answer));
    const { ID } = jsonOf(answer.body) as { readonly ID?: unknown };
    if (typeof ID !== 'string' || !/^[0-9a-fA-F-]{1,64}$/.test(ID)) throw refusalOf([]);
    return ID;
  }

  #renewLater(entry: Entry): void {
    if (this.#left) return;
    this.#renewal = this.#ways.clock.after(renewEvery, () => void this.#renew(entry));
  }

  async #renew(entry: Entry): Promise<void> {
    try {
      const path = `/v1/session/renew/${entry.session}`;
      const { status } = await this.#ways.agent.ask({ method: 'PUT', path });
      if (status === 404) entry.lose();
    } catch (error) {
      // An agent that is away says nothing of the session.
      if (!(error instanceof AgentLost)) throw error;
    }
    if (this.#left) return;
    if (!entry.lost) this.#renewLater(entry);
    else await this.#return();
  }

  /** A process that only reads is to be seen too. */
  async #return(): Promise<void> {
    try {
      await this.entry();
    } catch (error) {
      asFailure(error);
      if (!this.#left) this.#renewal = this.#ways.clock.after(renewEvery, () => void this.#return());
    }
  }
}

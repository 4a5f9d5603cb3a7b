/**
 * Who has a store open. DynamoDB knows no connections, so each opening keeps an item in the table and changes it every few seconds. An
 * item that stops changing is of somebody who died, or who is kept from the table and no longer acts on the store: who has not
 * changed its item for a while asks for nothing more before it has done so again, and has then looked whether the gate is still open.
 *
 *     0 s   the last change that is confirmed        15 s   no try is begun any more without another one
 *     8 s   longest that a try may take              30 s   who sees no change for so long takes the other one as gone
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { DynamoClient } from '../../aws/dynamo.ts';
import { describeOccupant, shownOccupant } from '../occupants.ts';
import type { Gate } from '../storage-type.ts';
import { failureKind, storeFailure } from './failure.ts';
import { addressOf, keyOf, occupantsRoot, recordOf } from './layout.ts';
import { pause, persist, Stopwatch, type Surroundings } from './patience.ts';

/** Milliseconds, as the picture above has them. */
const beatPeriod = 5_000;
const validFor = 15_000;
const goneAfter = 30_000;
const betweenLooks = 1_000;
/** Each so many changes who has died is looked for, so that items do not gather where nobody ever asks. */
const sweepEvery = 120;

export interface PresenceOptions {
  readonly client: DynamoClient;
  readonly table: string;
  /** Without an `admit`: this is what admits. */
  readonly surroundings: Surroundings;
  readonly gate: Gate | undefined;
  /** One that may not write goes without an item where it may not have one. */
  readonly readOnly: boolean;
  /** Changes its item where that is due before something is asked for, and never by itself: the process is frozen in between. */
  readonly byUse?: boolean;
}

type Occupants = ReadonlyMap<string, { readonly beat: string; readonly about: string }>;

export class Presence {
  readonly #options: PresenceOptions;
  readonly #id = randomUUID();
  #lastBeat: Stopwatch | undefined;
  #beats = 0;
  /** At the last sweep. */
  #seen: Occupants = new Map();
  #returning: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #hidden = false;
  #closed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Rejects with `AwsError`. Whoever opens the store looks at the gate next. */
  async start(): Promise<void> {
    try {
      await this.#beat();
    } catch (error) {
      if (!this.#options.readOnly || failureKind(error) !== 'refused') throw error;
      this.#hidden = true;
      return;
    }
    this.#next();
  }

  /** Nothing while others can see that the store is in use; else resolves when they can again. Rejects with the gate's refusal. */
  readonly admit = (): Promise<void> | undefined => {
    if (this.#hidden || this.#isFresh()) return undefined;
    this.#returning ??= this.#return().finally(() => {
      this.#returning = undefined;
    });
    return this.#returning;
  };

  /** A description of each other one. Takes as long as it takes to tell the living from the dead. Rejects with `AwsError`. */
  async others(): Promise<readonly string[]> {
    const watch = new Stopwatch(this.#options.surroundings.clock);
    const first = await this.#look();
    if (first.size === 0) return [];
    for (;;) {
      await pause(this.#options.surroundings, betweenLooks);
      const now = await this.#look();
      const silent = [...now].filter(([id, { beat }]) => first.get(id)?.beat === beat);
      if (silent.length > 0 && watch.passed < goneAfter) continue;
      await Promise.all(silent.map(([id, { beat }]) => this.#remove(id, beat)));
      const gone = new Set(silent.map(([id]) => id));
      return [...now].filter(([id]) => !gone.has(id)).map(([, { about }]) => about);
    }
  }

  /** Takes the item away, as well as that can be done. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#returning?.catch(() => undefined);
    if (!this.#hidden) await this.#remove(this.#id).catch(() => undefined);
  }

  #isFresh(): boolean {
    return this.#lastBeat !== undefined && this.#lastBeat.passed < validFor;
  }

  #next(): void {
    if (this.#closed || this.#options.byUse === true) return;
    this.#timer = this.#options.surroundings.clock.after(beatPeriod, () => {
      // What this one could not do, the next one does, or who asks for something next.
      void this.#beatQuietly().finally(() => this.#next());
    });
  }

  async #beatQuietly(): Promise<void> {
    try {
      if (this.#isFresh()) await this.#beat();
      else await this.admit();
      if (this.#beats % sweepEvery === 0) await this.#sweep();
    } catch {
      // Told to whoever asks.
    }
  }

  /** Who has not changed since the last sweep died minutes ago. */
  async #sweep(): Promise<void> {
    const now = await this.#look();
    const dead = [...now].filter(([id, { beat }]) => this.#seen.get(id)?.beat === beat);
    this.#seen = now;
    for (const [id, { beat }] of dead) await this.#remove(id, beat);
  }

  async #return(): Promise<void> {
    const { gate, client, table, surroundings } = this.#options;
    const before = new Stopwatch(this.#options.surroundings.clock);
    try {
      await persist(surroundings, () => this.#write());
      if (gate !== undefined) {
        const Key = addressOf(gate.key);
        const item = await persist(surroundings, () =>
          client.get({ TableName: table, Key, ConsistentRead: true }),
        );
        if (item !== undefined) throw gate.refusal(recordOf(item).value);
      }
    } catch (error) {
      throw storeFailure(error);
    }
    this.#lastBeat = before;
  }

  async #beat(): Promise<void> {
    const before = new Stopwatch(this.#options.surroundings.clock);
    await persist(this.#options.surroundings, () => this.#write());
    this.#lastBeat = before;
  }

  async #write(): Promise<void> {
    const { client, table } = this.#options;
    this.#beats += 1;
    await client.put({
      TableName: table,
      Item: {
        root: { S: occupantsRoot },
        key: { S: this.#id },
        about: { S: describeOccupant(process.pid, hostname()) },
        beat: { N: String(this.#beats) },
      },
    });
  }

  async #look(): Promise<Occupants> {
    const { client, table, surroundings } = this.#options;
    const found = new Map<string, { readonly beat: string; readonly about: string }>();
    for (let from = {}; ; ) {
      const page = await persist(surroundings, () =>
        client.query({
          TableName: table,
          KeyConditionExpression: '#root = :root',
          ExpressionAttributeNames: { '#root': 'root' },
          ExpressionAttributeValues: { ':root': { S: occupantsRoot } },
          ConsistentRead: true,
          ...from,
        }),
      );
      for (const item of page.items) {
        const id = keyOf(item);
        if (id === this.#id) continue;
        found.set(id, { beat: item['beat']?.N ?? '', about: shownOccupant(item['about']?.S ?? '') });
      }
      if (page.next === undefined) return found;
      from = { ExclusiveStartKey: page.next };
    }
  }

  /** With `beat`, only if it is still the last one. */
  async #remove(id: string, beat?: string): Promise<void> {
    const { client, table } = this.#options;
    const last = {
      ConditionExpression: '#beat = :beat',
      ExpressionAttributeNames: { '#beat': 'beat' },
      ExpressionAttributeValues: { ':beat': { N: beat ?? '' } },
    };
    await client.delete({
      TableName: table,
      Key: { root: { S: occupantsRoot }, key: { S: id } },
      ...(beat === undefined ? {} : last),
    });
  }
}

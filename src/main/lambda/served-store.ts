/** The store as the public function serves it: opened once for the life of the process, and looked at again after each rest. */
import type { Clock } from '../../clock.ts';
import { awaken } from '../../core/manner.ts';
import type { Road } from '../../core/request.ts';
import type { ServedStore } from '../../lambda/public-handler.ts';
import type { CofferNode } from '../node.ts';
import { type FunctionWorld, openFunctionNode, requireKey } from './function-node.ts';

/** Milliseconds for which what was looked at counts: as long as nodes that stay take between two looks. */
const freshFor = 10_000;

export class FunctionStore implements ServedStore {
  readonly #world: FunctionWorld;
  #opening: Promise<CofferNode> | undefined;
  /** By both clocks: one may stand still while the process is frozen, and the other can be set back. */
  #looked: { readonly time: number; readonly steady: number } | undefined;

  constructor(world: FunctionWorld) {
    this.#world = world;
  }

  async wake(): Promise<Road> {
    const node = await this.#open();
    const { core } = node.state;
    if (core === undefined) {
      // Somebody may have unsealed the store meanwhile, wherever they did.
      await node.state.start();
      await requireKey(node);
    } else if (!this.#isFresh()) {
      const looking = momentOf(this.#world.clock);
      await awaken(core);
      this.#looked = looking;
    }
    return node.road;
  }

  async rest(): Promise<void> {
    const node = await this.#opening?.catch(() => undefined);
    await node?.state.core?.devices.flush().catch(() => undefined);
  }

  /** For tests: as if the process ended in order. */
  async close(): Promise<void> {
    const node = await this.#opening?.catch(() => undefined);
    await node?.state.close();
  }

  #open(): Promise<CofferNode> {
    this.#opening ??= this.#openOnce().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openOnce(): Promise<CofferNode> {
    const looking = momentOf(this.#world.clock);
    const { node } = await openFunctionNode(this.#world, 'rests', 'never');
    this.#looked = looking;
    return node;
  }

  #isFresh(): boolean {
    if (this.#looked === undefined) return false;
    const { time, steady } = momentOf(this.#world.clock);
    return Math.max(Math.abs(time - this.#looked.time), steady - this.#looked.steady) < freshFor;
  }
}

function momentOf(clock: Clock): { readonly time: number; readonly steady: number } {
  return { time: clock.now(), steady: clock.steady() };
}

/** Brings what is to what is wanted, one application at a time. */
import type { View } from '../../core/view.ts';
import type { OutsideTurn } from '../engine.ts';
import { applicationId } from './application.ts';
import { Gates } from './gate.ts';
import { Look } from './look.ts';
import { OpenTargets } from './open-targets.ts';
import type { ServiceUsersParts } from './parts.ts';
import type { Action } from './plan.ts';
import { begin, commit, release, resume, retire, stage, sweep, tryOut, verify } from './rotation-actions.ts';
import { admit, deliver, empty } from './target-actions.ts';
import { Failed, type ProviderSource, type Tools } from './tools.ts';
import { deleteUser, disable, ensure, forget, unsettle } from './user-actions.ts';

export class Machine {
  readonly #parts: ServiceUsersParts;
  readonly #providers: ProviderSource;
  readonly #gates: Gates;
  readonly #targets: OpenTargets;
  /** The last look at each application that is being looked at. */
  readonly #looks = new Map<string, Promise<void>>();

  constructor(parts: ServiceUsersParts, providers: ProviderSource) {
    this.#parts = parts;
    this.#providers = providers;
    this.#gates = new Gates(parts.clock);
    this.#targets = new OpenTargets(parts);
  }

  /**
   * Looks at one application, and does what is due for it. May come late, twice, or for one that is long gone.
   *
   * @throws CofferError `conflict` where the duty was lost or somebody else did something meanwhile, `unavailable` where the store does not answer:
   *   then it is to be looked again. What fails outside is not thrown but kept in the application's state.
   */
  async look(id: string, view: View, turn: OutsideTurn): Promise<void> {
    if (!applicationId.test(id)) return;
    // Two entries of one application may come side by side: what the second was made for, the first may have just missed.
    const before = this.#looks.get(id);
    const looking = (async () => {
      await before?.catch(() => undefined);
      await this.#look(id, view, turn);
    })();
    this.#looks.set(id, looking);
    try {
      await looking;
    } finally {
      if (this.#looks.get(id) === looking) this.#looks.delete(id);
    }
  }

  close(): void {
    this.#targets.close();
  }

  #look(id: string, view: View, turn: OutsideTurn): Promise<void> {
    const tools = { providers: this.#providers, targets: this.#targets, gates: this.#gates, turn };
    return new Look(id, view, this.#parts).run(async (action, look) => {
      try {
        await carryOut(action, look, tools);
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
      }
    });
  }
}

async function carryOut(action: Action, look: Look, tools: Tools): Promise<void> {
  switch (action.do) {
    case 'unsettle':
      return unsettle(look, tools, action.before);
    case 'ensure':
      return ensure(look, tools);
    case 'disable':
      return disable(look, tools);
    case 'delete':
      return deleteUser(look, tools);
    case 'admit':
      return admit(look);
    case 'empty':
      return empty(look, tools, action.addresses);
    case 'deliver':
      return deliver(look, tools, action.addresses);
    case 'begin':
      return begin(look, tools, action.kinds);
    case 'resume':
      return resume(look, tools, action.of);
    case 'stage':
      return stage(look, tools, action.of);
    case 'try':
      return tryOut(look, tools, action.of);
    case 'verify':
      return verify(look, tools, action.of);
    case 'commit':
      return commit(look, tools, action.of);
    case 'release':
      return release(look, tools, action.of);
    case 'retire':
      return retire(look, tools, action.of);
    case 'sweep':
      return sweep(look, tools, action.of);
    case 'forget':
      return forget(look);
    case 'wait':
      return;
  }
}

/** Brings what is to what is wanted, one application at a time. */
import type { View } from '../../core/view.ts';
import type { OutsideTurn } from '../engine.ts';
import type { ServiceUsersParts } from './parts.ts';

export class Machine {
  readonly #parts: ServiceUsersParts;

  constructor(parts: ServiceUsersParts) {
    this.#parts = parts;
  }

  /** Looks at one application, and does what is due for it. May come late, twice, or for one that is long gone. */
  async look(id: string, view: View, turn: OutsideTurn): Promise<void> {
    throw new Error(
      `not there yet: ${id} ${view.constructor.name} ${turn.constructor.name} ${this.#parts.environment.mountPath}`,
    );
  }
}

/** What is wrong with a policy, gathered so that its author sees all of it at once. */
import { CofferError } from '../../errors.ts';
import type { Position } from './position.ts';

const mostShown = 20;

export class Problems {
  readonly #shown: string[] = [];
  #count = 0;

  add(at: Position, message: string): void {
    this.#count++;
    if (this.#shown.length < mostShown) this.#shown.push(`line ${at.line}, column ${at.column}: ${message}`);
  }

  /** Throws `invalid_request` with one line a problem, at most 20 of them. */
  throwIfAny(): void {
    if (this.#count === 0) return;
    const rest = this.#count - this.#shown.length;
    const lines = rest === 0 ? this.#shown : [...this.#shown, `and ${rest} more`];
    throw new CofferError('invalid_request', lines.join('\n'));
  }
}

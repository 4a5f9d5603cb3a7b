/** What is wrong with a configuration. All of it is told at once. */
import { CofferError } from '../errors.ts';
import type { Place } from './key-places.ts';

export interface Problem {
  /** `coffer.toml:3:1`, `--log-level`, or `COFFER_LOG_LEVEL`. */
  readonly where: string;
  /** In a file: the path as given, and the place there. */
  readonly file?: string;
  readonly place?: Place;
  readonly message: string;
}

export function problemIn(file: string, place: Place | undefined, message: string): Problem {
  if (place === undefined) return { where: file, file, message };
  const name = place.file ?? file;
  return { where: `${name}:${place.line}:${place.column}`, file: name, place, message };
}

/** One line a problem. */
export function shownProblem({ where, message }: Problem): string {
  return `${where}: ${message}`;
}

/** The error of a start that these keep from happening. */
export class ConfigurationError extends CofferError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? '' : `${problems.length} problems in the configuration: `;
    super('usage', count + problems.map(shownProblem).join('; '));
    this.name = 'ConfigurationError';
    this.problems = problems;
  }

  /** The same without the list, for who has told it already. */
  summary(): CofferError {
    return new CofferError(
      'usage',
      `${this.problems.length} problems in the configuration; nothing was started`,
    );
  }
}

/** What is wrong with a template or with what it does, and where. No message repeats a value: values are secrets. */
import { CofferError, type ErrorCode } from '../errors.ts';

/** A place in a template, both numbers from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Thrown where the place is not known; whoever evaluates a node adds it. */
export class Problem extends Error {
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode = 'invalid_request') {
    super(message);
    this.name = 'Problem';
    this.code = code;
  }
}

/** A problem with its place. What catches it further up leaves it as it is. */
export class PlacedProblem extends Error {
  readonly place: Place;
  readonly problem: Problem;

  constructor(place: Place, problem: Problem) {
    super(problem.message);
    this.name = 'PlacedProblem';
    this.place = place;
    this.problem = problem;
  }
}

/** Throws a problem at a place. */
export function failAt({ line, column }: Place, message: string): never {
  throw new PlacedProblem({ line, column }, new Problem(message));
}

/** Anything thrown while a template was read or rendered, as an error that says where: `web.conf:12:5: …`. */
export function templateError(source: string, thrown: unknown): unknown {
  if (thrown instanceof PlacedProblem) {
    const { place, problem } = thrown;
    return new CofferError(problem.code, `${source}:${place.line}:${place.column}: ${problem.message}`);
  }
  if (thrown instanceof Problem) return new CofferError(thrown.code, `${source}: ${thrown.message}`);
  // The engine's own limit, should ours ever be met too late.
  if (thrown instanceof RangeError) {
    return new CofferError(
      'invalid_request',
      `${source}: the template is nested too deeply, or makes too much`,
    );
  }
  return thrown;
}

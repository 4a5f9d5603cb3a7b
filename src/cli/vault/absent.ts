/** What is said where there is nothing. */
import type { Output } from './output.ts';

/** Answers the exit code that goes with it. */
export function sayNothingFound(output: Output, path: string): 2 {
  output.warn(`No value found at ${path}`);
  return 2;
}

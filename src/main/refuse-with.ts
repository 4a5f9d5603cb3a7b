/** A start that a configuration keeps from happening. */
import type { Shell } from '../cli/shell.ts';
import { ConfigurationError, type Problem, shownProblem } from '../config/problem.ts';
import type { JsonValue } from '../json.ts';

/** Tells every problem on a line of its own, then throws them as one error. */
export function refuseWith(problems: readonly Problem[], shell: Shell): never {
  const error = new ConfigurationError(problems);
  if (problems.length === 1 || shell.ui.format === 'json') throw error;
  shell.ui.talk(problems.map(shownProblem).join('\n'));
  throw error.summary();
}

/** A problem as programs read it. */
export function problemJson({ where, file, place, message }: Problem): JsonValue {
  return { where, file: file ?? null, line: place?.line ?? null, column: place?.column ?? null, message };
}

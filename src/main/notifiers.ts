/** The notifiers of a server's own configuration, and what the others may reach. */
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { Settings } from '../config/settings.ts';
import type { NotifierKinds } from '../core/notice/notifiers.ts';
import { commandNotifier } from '../notifier/command/command.ts';
import { programProblem } from '../notifier/command/program.ts';
import { notifierTypesFor } from './catalog.ts';

export function notifierKinds(
  { aws, notifiers }: Pick<Settings, 'aws' | 'notifiers'>,
  env: Readonly<Record<string, string | undefined>>,
): NotifierKinds {
  return { types: notifierTypesFor({ ...aws, env }), configured: notifiers.map(commandNotifier) };
}

/** Programs that a server is not to run. */
export function notifierProblems({ settings, found }: Loaded): readonly Problem[] {
  return settings.notifiers.flatMap(({ command: [program = ''] }, index) => {
    const problem = programProblem(program);
    const said = found.find(({ name }) => name === `notifier[${index}].command`);
    return problem === undefined || said === undefined ? [] : [said.origin.problem(problem)];
  });
}

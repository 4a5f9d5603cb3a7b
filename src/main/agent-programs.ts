/** How the agent starts programs and tells processes: as the command line does. */
import type { ProgramEnd, Programs, RunningProgram } from '../agent/programs.ts';
import { childEnvironment } from '../cli/child-environment.ts';
import { sendSignal } from '../cli/render/notice.ts';
import { type ChildEnd, startChild } from '../cli/run-child.ts';
import type { Environment } from '../cli/shell.ts';

/** @param env ours; what of it proves who we are is passed on to nobody */
export function agentPrograms(env: Environment): Programs {
  return {
    start(command, secrets): RunningProgram {
      const [program = '', ...args] = command;
      const values = [...secrets].map(([name, value]) => ({ name, value }));
      const own = childEnvironment(values, env, { pristine: false, keepToken: false });
      const child = startChild({ command: program, args, env: own, searchPath: env['PATH'] });
      return { ended: child.ended.then(endOf), kill: child.kill };
    },
    signal(name, pidFile) {
      const sent = sendSignal({ name, pidFile });
      return sent.kind === 'failed' ? { problem: sent.problem } : sent.kind;
    },
  };
}

/** As a shell tells it. */
function endOf(end: ChildEnd): ProgramEnd {
  if (end.kind === 'ended') return end;
  return { kind: 'failed', code: end.reason === 'missing' ? 127 : 126 };
}

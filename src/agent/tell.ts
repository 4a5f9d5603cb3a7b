/** Telling an application that its credentials are other ones. */
import type { Child } from './child.ts';
import type { Programs } from './programs.ts';
import type { ChangeSettings } from './settings.ts';

export interface TellSurroundings {
  readonly programs: Programs;
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
  readonly child: Child | undefined;
  /** Secrets of the child's environment. */
  childSecrets(): ReadonlyMap<string, string>;
}

/** Milliseconds that a command has before it is killed. */
const patience = 60_000;

/** @returns what went wrong, in words; undefined when all are told that there are */
export async function tell(
  change: ChangeSettings,
  { programs, pause, child, childSecrets }: TellSurroundings,
): Promise<string | undefined> {
  switch (change.kind) {
    case 'exec':
      await child?.changed(childSecrets());
      return undefined;
    case 'signal': {
      // A program that does not run reads the files when it starts.
      const sent = programs.signal(change.signal, change.pidFile);
      return typeof sent === 'string' ? undefined : sent.problem;
    }
    case 'command': {
      const running = programs.start(change.command, new Map());
      const over = new AbortController();
      const late = pause(patience, over.signal).then(
        () => running.kill('SIGKILL'),
        () => undefined,
      );
      const end = await running.ended;
      over.abort();
      await late;
      if (end.kind === 'failed') return 'the command could not be started';
      return end.code === 0 ? undefined : `the command ended with ${end.code}`;
    }
  }
}

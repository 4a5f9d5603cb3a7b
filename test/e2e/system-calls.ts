/** What strace wrote of a process: system calls on files and sockets, in the order in which they began and ended. */
import { readFileSync } from 'node:fs';

export interface SystemCall {
  readonly name: string;
  /** The descriptor's number, and what it stands for. */
  readonly descriptor: number;
  readonly target: string;
  /** The whole line that began it. */
  readonly text: string;
  /** Line numbers: something that ended before another began was complete by then. */
  readonly began: number;
  readonly ended: number;
}

/** For `strace -f -y`: the calls that the assertions are about. */
export const tracedCalls =
  'openat,read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync,msync';

export function readTrace(file: string): readonly SystemCall[] {
  const calls: SystemCall[] = [];
  /** By thread: a call that another thread's line interrupted. */
  const unfinished = new Map<string, Omit<SystemCall, 'ended'>>();
  for (const [number, line] of readFileSync(file, 'latin1').split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.startsWith('<... ')) {
      const begun = unfinished.get(thread);
      if (begun !== undefined) calls.push({ ...begun, ended: number });
      unfinished.delete(thread);
      continue;
    }
    const begun = beginning(rest, number);
    if (begun === undefined) continue;
    if (rest.endsWith('<unfinished ...>')) unfinished.set(thread, begun);
    else calls.push({ ...begun, ended: number });
  }
  return calls;
}

function beginning(rest: string, began: number): Omit<SystemCall, 'ended'> | undefined {
  const opened = /^openat\(.* = (\d+)<(.*)>$/.exec(rest);
  if (opened !== null)
    return { name: 'openat', descriptor: Number(opened[1]), target: opened[2] ?? '', text: rest, began };
  const used = /^(\w+)\((\d+)<([^>]*)>/.exec(rest);
  if (used === null) return undefined;
  return { name: used[1] ?? '', descriptor: Number(used[2]), target: used[3] ?? '', text: rest, began };
}

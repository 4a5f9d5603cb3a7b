/** What strace wrote of a process: system calls on files and sockets, in the order in which they began and ended. */
import { readFileSync } from 'node:fs';

export interface SystemCall {
  readonly name: string;
  /** The descriptor's number, and what it stands for. */
  readonly descriptor: number;
  readonly target: string;
  /** The whole call: where another thread's line came between, both halves. */
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
  /** By thread: the line that began a call which another thread's line interrupted. */
  const unfinished = new Map<string, { readonly text: string; readonly began: number }>();
  for (const [number, line] of readFileSync(file, 'latin1').split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const interrupted = /^(.*) <unfinished \.\.\.>$/.exec(rest);
    if (interrupted !== null) {
      unfinished.set(thread, { text: interrupted[1] ?? '', began: number });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const begun = resumed === null ? undefined : unfinished.get(thread);
    unfinished.delete(thread);
    // What a read brought, and which descriptor an openat made, stands in the second half.
    const call = asCall(`${begun?.text ?? ''}${resumed?.[1] ?? rest}`, begun?.began ?? number, number);
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function asCall(text: string, began: number, ended: number): SystemCall | undefined {
  const opened = /^openat\(.* = (\d+)<(.*)>$/.exec(text);
  if (opened !== null)
    return { name: 'openat', descriptor: Number(opened[1]), target: opened[2] ?? '', text, began, ended };
  const used = /^(\w+)\((\d+)<([^>]*)>/.exec(text);
  if (used === null) return undefined;
  return { name: used[1] ?? '', descriptor: Number(used[2]), target: used[3] ?? '', text, began, ended };
}

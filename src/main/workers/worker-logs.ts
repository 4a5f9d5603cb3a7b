/** The log of one worker among others: levels are the same in all, and whoever reads along reads the lines of all. */
import type { Clock } from '../../clock.ts';
import type { LogControl, LogLevelName } from '../../core/server/log-control.ts';
import { type LevelledLogger, type LogComponent, type LogLevel, logComponents } from '../../log.ts';
import type { LevelChange } from './protocol.ts';
import { isRead, leastOf } from './watches.ts';
import type { WorkerSeat } from './worker.ts';

/** Lines that one worker sends to readers at another, in a second. More are dropped, and said to have been. */
const mostLines = 1_000;
const second = 1_000;

interface Reader {
  readonly level: LogLevelName;
  readonly listener: (line: string) => void;
}

export function commonLogs(own: LogControl, log: LevelledLogger, seat: WorkerSeat, clock: Clock): LogControl {
  const readers = new Set<Reader>();
  const tellLevel = () => {
    const least = [...readers].reduce<LogLevel | null>((so, { level }) => leastOf(so, level), null);
    seat.line.tell('watch', least);
  };
  sendLines(log, seat, clock);
  seat.hear('level', (change) => applyLevel(own, change));
  seat.hear('line', ({ level, text }) => {
    for (const reader of readers) if (isRead(reader.level, level)) reader.listener(text);
  });
  for (const change of seat.start.levels) applyLevel(own, change);
  return {
    ...own,
    levelOf: (component) => own.levelOf(component),
    setLevel(level, component) {
      own.setLevel(level, component);
      const named = logComponents.find((each) => each === component);
      seat.line.tell('level', { level, component: named });
    },
    watch(level, listener) {
      const reader = { level, listener };
      const watch = own.watch(level, listener);
      readers.add(reader);
      tellLevel();
      return {
        [Symbol.dispose]() {
          watch[Symbol.dispose]();
          readers.delete(reader);
          tellLevel();
        },
      };
    },
  };
}

function applyLevel(own: LogControl, { level, component }: LevelChange): void {
  const named: LogComponent | undefined = component;
  own.setLevel(level, named);
}

/** Sends this worker's lines to readers at others, for as long as there are any. */
function sendLines(log: LevelledLogger, seat: WorkerSeat, clock: Clock): void {
  let watch: Disposable | undefined;
  let until = 0;
  let sent = 0;
  let missed = 0;
  const send = (text: string, level: LogLevel) => {
    const now = clock.now();
    if (now >= until) {
      until = now + second;
      sent = 0;
      if (missed > 0) {
        const line = { level: 'warn', msg: 'lines missed', worker: seat.start.number, count: missed };
        seat.line.tell('line', { level: 'warn', text: `${JSON.stringify(line)}\n` });
      }
      missed = 0;
    }
    if (sent++ < mostLines) seat.line.tell('line', { level, text });
    else missed++;
  };
  seat.hear('watch', (least) => {
    watch?.[Symbol.dispose]();
    watch = least === null ? undefined : log.watch(least, send);
  });
}

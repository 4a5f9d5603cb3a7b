/** Telemetry for tests: on a clock moved by hand, and read by name. */
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { type NodeTelemetry, openTelemetry, type TelemetryOptions } from './telemetry.ts';

export function handTelemetry(options: Partial<TelemetryOptions> = {}): Promise<NodeTelemetry> {
  return openTelemetry({ clock: new HandClock(), metrics: true, directory: undefined, ...options });
}

/** The value of one line of the text form, `name{labels}` as written there; undefined where there is none. */
export function valueIn(text: string, line: string): number | undefined {
  const found = text.split('\n').find((each) => each.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

/** Names with labels, without values. */
export function seriesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
}

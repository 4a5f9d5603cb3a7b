/** Durations as text: read the way Go's clients write them, shown the way Go shows them. */

/** Nanoseconds a unit. Go's own (https://pkg.go.dev/time#ParseDuration), and `d` for a day of 24 hours. */
const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5, micro sign
  μs: 1e3, // U+03BC, Greek mu
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3_600e9,
  d: 86_400e9,
};

/** Go keeps a duration as 64-bit nanoseconds; no client can mean more than these seconds (some 292 years). */
const longest = 9_223_372_036;

/** Longer text is no duration; the bound keeps hostile input cheap. */
const longestText = 64;

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/y;

/**
 * Whole seconds meant by `text`: plain seconds (`"3600"`), or a Go duration that may also use days (`"1h30m"`, `"1.5h"`,
 * `"500ms"`, `"2d"`), with an optional sign. A fraction of a second counts as a whole one, away from zero, since 0 often means
 * "no limit" or "the default" and a short duration must never turn into that. Negative durations are returned as such; whoever
 * asks decides. `undefined` when the text is neither form, or beyond 292 years.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length === 0 || text.length > longestText) return undefined;
  const signed = text.startsWith('-') || text.startsWith('+');
  const unsigned = signed ? text.slice(1) : text;
  const seconds = /^\d+$/.test(unsigned) ? Number(unsigned) : secondsOfParts(unsigned);
  if (seconds === undefined || seconds > longest) return undefined;
  return text.startsWith('-') && seconds !== 0 ? -seconds : seconds;
}

function secondsOfParts(text: string): number | undefined {
  let total = 0;
  let index = 0;
  while (index < text.length) {
    part.lastIndex = index;
    const match = part.exec(text);
    const unit = nanoseconds[match?.[2] ?? ''];
    if (match === null || unit === undefined) return undefined;
    // Rounded to whole nanoseconds, so that 0.1s and the like do not gain a second by floating point.
    total += Math.round(Number(match[1]) * unit);
    index = part.lastIndex;
  }
  return index === 0 ? undefined : Math.ceil(total / 1e9);
}

/** Whole seconds as Go writes a duration: `3h25m19s`, `30m0s`, `0s`, `-1m0s`. A fraction is dropped. */
export function formatDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  const rest = Math.abs(whole);
  const hours = Math.floor(rest / 3_600);
  const minutes = Math.floor((rest % 3_600) / 60);
  const sign = whole < 0 ? '-' : '';
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest % 60}s`;
  if (minutes > 0) return `${sign}${minutes}m${rest % 60}s`;
  return `${sign}${rest}s`;
}

/** Times and sizes: numbers with a unit. */
import type { Kind } from './kinds.ts';

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const bytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

/** In milliseconds. A number alone is seconds. */
export function duration(least: number, most: number): Kind<number> {
  const range = `from ${showDuration(least)} to ${showDuration(most)}`;
  return {
    placeholder: 'DURATION',
    looks: `a time such as \`"90s"\`, \`"1h30m"\` or seconds as a number, ${range}`,
    read(value) {
      const read = typeof value === 'number' ? value * 1_000 : ofText(value, parseDuration);
      if (read === undefined || !Number.isSafeInteger(read)) {
        return { problem: 'must be a time such as "90s", "1h30m", or a number of seconds' };
      }
      return read < least || read > most ? { problem: `must be ${range}` } : { value: read };
    },
    fromText: numberOrText,
    show: showDuration,
  };
}

/** In bytes. A number alone is bytes. */
export function size(least: number, most: number): Kind<number> {
  const range = `from ${showSize(least)} to ${showSize(most)}`;
  return {
    placeholder: 'SIZE',
    looks: `a size such as \`"32MiB"\` or bytes as a number, ${range}`,
    read(value) {
      const read = typeof value === 'number' ? value : ofText(value, parseSize);
      if (read === undefined || !Number.isSafeInteger(read)) {
        return { problem: 'must be a size such as "32MiB" or "500kB", or a number of bytes' };
      }
      return read < least || read > most ? { problem: `must be ${range}` } : { value: read };
    },
    fromText: numberOrText,
    show: showSize,
  };
}

function ofText(value: unknown, parse: (text: string) => number | undefined): number | undefined {
  return typeof value === 'string' && value.length <= 64 ? parse(value) : undefined;
}

function numberOrText(text: string): unknown {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/** `1h30m`; each unit once at most, larger ones first. */
function parseDuration(text: string): number | undefined {
  if (text === '') return undefined;
  const match = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/.exec(
    text,
  );
  if (match === null) return undefined;
  const units = ['d', 'h', 'm', 's', 'ms'];
  return units.reduce(
    (sum, unit, index) => sum + Number(match[index + 1] ?? 0) * (milliseconds[unit] ?? 0),
    0,
  );
}

function parseSize(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,15}) ?([A-Za-z]{1,3})$/.exec(text) ?? [];
  const factor = Object.hasOwn(bytes, unit) ? bytes[unit] : undefined;
  return factor === undefined ? undefined : Number(digits) * factor;
}

/** As it may be written: `1h30m`. */
export function showDuration(value: number): string {
  let left = value;
  let text = '';
  for (const unit of ['h', 'm', 's', 'ms']) {
    const factor = milliseconds[unit] ?? 1;
    const whole = Math.floor(left / factor);
    left -= whole * factor;
    if (whole > 0) text += `${whole}${unit}`;
  }
  return text === '' ? '0s' : text;
}

/** As it may be written: `32MiB`. */
export function showSize(value: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const factor = bytes[unit] ?? 1;
    if (value >= factor && value % factor === 0) return `${value / factor}${unit}`;
  }
  return `${value}B`;
}

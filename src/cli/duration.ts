import { CofferError } from '../errors.ts';

/** Seconds as people say them: `768h`, `1h30m`, `45s`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(whole / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'm'],
    [whole % 60, 's'],
  ];
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count}${unit}`)
      .join('') || '0s'
  );
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of `90s`, `1h30m`, `7d`, or a plain number of seconds. `option` names the place in the message. Throws `usage`. */
export function parseDuration(text: string, option: string): number {
  const parts = [...text.matchAll(/(\d{1,9})([smhd])/g)];
  const whole = /^\d{1,9}$/.test(text);
  if (!whole && (parts.length === 0 || parts.map(([part]) => part).join('') !== text)) {
    throw new CofferError('usage', `${option} must be a time such as 90s, 15m, 8h or 7d`);
  }
  if (whole) return Number(text);
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitSeconds[unit] ?? 0), 0);
}

/** Values as Go prints them, which is what old scripts take apart. */
import { isJsonObject, type JsonValue } from '../../json.ts';

/** As `%v`: `map[a:1 b:[x y]]`, `<nil>`. */
export function goValue(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (isJsonObject(value)) {
    const members = Object.keys(value)
      .toSorted()
      .map((name) => `${name}:${goValue(value[name])}`);
    return `map[${members.join(' ')}]`;
  }
  return String(value);
}

/** As `%q` of a list of texts: `["default" "web"]`. */
export function quotedList(value: JsonValue | undefined): string {
  const items = Array.isArray(value) ? value : [];
  return `[${items.map((item) => JSON.stringify(String(item))).join(' ')}]`;
}

/** Whole seconds as the old program shows them: `768h`, `1h30m`, `90s` as `1m30s`. */
export function goDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || Math.trunc(seconds) === 0) return '0s';
  const whole = Math.trunc(Math.abs(seconds));
  const parts = [
    [Math.floor(whole / 3_600), 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const;
  const text = parts.flatMap(([count, letter]) => (count === 0 ? [] : [`${count}${letter}`])).join('');
  return seconds < 0 ? `-${text}` : text;
}

/** Whether a field's name says that its number is a time: then it is shown as one. */
export function looksLikeDuration(name: string): boolean {
  return (
    ['period', 'ttl', 'duration', 'lease_max', 'ttl_max'].includes(name) ||
    /_(period|ttl|duration)$/.test(name)
  );
}

/** Members in order of their names, at every depth: as Go writes maps. */
export function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const ordered: Record<string, JsonValue> = Object.create(null);
  for (const name of Object.keys(value).toSorted()) ordered[name] = sorted(value[name] ?? null);
  return ordered;
}

/**
 * Versions as the table has them: text, of which the lexicographically greatest is what credstash takes for the latest. Both old
 * programs write numbers padded to 19 digits; older ones wrote them unpadded, and credstash takes any other text too. Here the
 * latest is the greatest number, however it is written, and texts that are no numbers come before all numbers.
 */

const width = 19;

/** 1 as `0000000000000000001`. */
export function encodeVersion(version: number): string {
  return String(version).padStart(width, '0');
}

/** The number of a version's text, padded or not; undefined where it is none, is longer than either program pads, or past 2^53 - 1. */
export function versionNumber(text: string): number | undefined {
  if (!/^\d{1,19}$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Whether a text is written as both old programs write numbers today: then order of text and of numbers agree. */
export function isCanonical(text: string): boolean {
  return /^\d{19}$/.test(text);
}

/** Whether a text is a number that is greater than any here can be: nanoseconds since 1970 are, which some take for versions. */
export function isPastCounting(text: string): boolean {
  return versionNumber(text) === undefined && paddedDigits(text) !== undefined;
}

/** Digits as both old programs pad them, in whose order text and numbers agree; undefined for what is no number. */
function paddedDigits(text: string): string | undefined {
  return /^\d{1,19}$/.test(text) ? text.padStart(width, '0') : undefined;
}

/** Oldest first: texts that are no numbers, in their own order; then numbers; of one number written twice the padded last. */
export function compareVersions(left: string, right: string): number {
  const a = paddedDigits(left);
  const b = paddedDigits(right);
  if (a !== undefined && b !== undefined && a !== b) return a < b ? -1 : 1;
  if (a !== undefined && b !== undefined) return Number(isCanonical(left)) - Number(isCanonical(right));
  if (a === undefined && b === undefined) return compareText(left, right);
  return a === undefined ? -1 : 1;
}

/** The latest of some versions; undefined of none. */
export function latestOf(versions: readonly string[]): string | undefined {
  return versions.reduce<string | undefined>(
    (best, each) => (best === undefined || compareVersions(each, best) > 0 ? each : best),
    undefined,
  );
}

/** What credstash and its ports would take for the latest: DynamoDB's order of texts is that of their UTF-8 bytes. */
export function credstashLatest(versions: readonly string[]): string | undefined {
  return versions.reduce<string | undefined>(
    (best, each) => (best === undefined || compareText(each, best) > 0 ? each : best),
    undefined,
  );
}

/** Half of a character beyond U+FFFF: by these alone the order of UTF-16 is another than that of UTF-8. */
const surrogate = /[\ud800-\udfff]/;

/** By UTF-8 bytes. */
export function compareText(left: string, right: string): number {
  if (surrogate.test(left) || surrogate.test(right))
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return left < right ? -1 : Number(left > right);
}

/** Names under which one number may have been stored: padded as today, and plain as the oldest programs did. */
export function spellings(version: number): readonly string[] {
  return [encodeVersion(version), String(version)];
}

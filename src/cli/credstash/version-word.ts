/** Versions as credstash takes them: any text, padded on the left to 19 characters. */

const width = 19;

export function padded(version: string): string {
  return '0'.repeat(Math.max(0, width - [...version].length)) + version;
}

/**
 * The texts under which a version that somebody names may have been stored: padded, as it is written today; as it was typed, which the
 * oldest releases wrote.
 */
export function storedTexts(version: string): readonly string[] {
  const number = /^\d+$/.test(version) ? String(BigInt(version)) : version;
  return [...new Set([padded(number), padded(version), number, version])].filter((text) => text !== '');
}

/** The version after this one; undefined where it is no whole number. */
export function versionAfter(version: string): string | undefined {
  return /^\d+$/.test(version) ? padded(String(BigInt(version) + 1n)) : undefined;
}

import { CofferError } from '../errors.ts';

/** `1,2,5` as numbers, each once. Throws `usage`. */
export function parseVersions(text: string): readonly number[] {
  const versions = text.split(',').map((part) => part.trim());
  if (!versions.every((part) => /^[1-9]\d{0,14}$/.test(part))) {
    throw new CofferError('usage', '--versions must be numbers such as 1,2');
  }
  return [...new Set(versions.map(Number))];
}

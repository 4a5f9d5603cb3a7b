/** What people type who know other programs: told what it is called here, never taken for it. */

const words: Readonly<Record<string, readonly string[]>> = {
  add: ['put', 'enable', 'write'],
  cat: ['get'],
  create: ['put', 'enable', 'write'],
  info: ['status', 'lookup', 'show'],
  init: ['operator init'],
  ls: ['list'],
  read: ['get', 'show', 'lookup'],
  remove: ['delete', 'disable', 'revoke'],
  revoke: ['token revoke'],
  rm: ['delete', 'disable', 'revoke'],
  run: ['server'],
  seal: ['operator seal'],
  secrets: ['mount'],
  set: ['put', 'write'],
  show: ['get', 'lookup'],
  start: ['server'],
  unseal: ['operator unseal'],
  write: ['put'],
};

/**
 * @param name as typed: `rm`, `policy rm`
 * @param known the names at that place, written in the same way
 */
export function ourWord(name: string, known: readonly string[]): string | undefined {
  const [word = '', group] = name.split(' ').reverse();
  const candidates = Object.hasOwn(words, word) ? (words[word] ?? []) : [];
  if (group !== undefined)
    return candidates.map((verb) => `${group} ${verb}`).find((full) => known.includes(full));
  return candidates.find((full) => known.includes(full.split(' ')[0] ?? ''));
}

/** Users and groups by name, as `/etc/passwd` and `/etc/group` have them (passwd(5), group(5)), or by number. */
import { readFileSync } from 'node:fs';
import { CofferError } from '../../errors.ts';

const files = { owner: '/etc/passwd', group: '/etc/group' } as const;
const highest = 0xffff_fffe;

/** Throws `usage` for a name that is not there. */
export function parseOwner(kind: 'owner' | 'group', text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= highest) return Number(text);
  const found = lines(files[kind]).find(([name]) => name === text && text !== '');
  const id = Number(found?.[2] ?? Number.NaN);
  if (Number.isSafeInteger(id)) return id;
  const what = kind === 'owner' ? 'user' : 'group';
  throw new CofferError(
    'usage',
    `there is no ${what} ${text.slice(0, 80)} in ${files[kind]}; a number is taken too`,
  );
}

function lines(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}

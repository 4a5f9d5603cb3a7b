/** What `mv` and `cp` were asked for. */
import { usageError } from './args.ts';
import type { Options } from './command.ts';
import { safeOptions, yesOption } from './options.ts';
import { isFolder, parseFolder, parseName } from './secret-name.ts';
import type { MoveOrder } from './secret-safe.ts';

export const moveOptions = {
  recursive: { type: 'flag', short: 'r', help: 'all secrets below FROM/' },
  overwrite: { type: 'flag', help: 'replace secrets that are there' },
  'dry-run': { type: 'flag', help: 'only say what would happen' },
  'to-safe': { type: 'text', value: 'URL', help: 'to another table: credstash://TABLE' },
  'to-context': {
    type: 'list',
    value: 'KEY=VALUE',
    help: 'of the encryption context there; may be repeated',
  },
  ...yesOption,
  ...safeOptions,
} as const satisfies Options;

interface Wishes {
  readonly recursive: boolean;
  readonly overwrite: boolean;
  readonly 'dry-run': boolean;
  readonly 'to-safe': string | undefined;
  readonly 'to-context': readonly string[];
}

/** Throws `usage` for names that cannot be, and where a folder meets a secret. */
export function moveOrder(
  verb: 'move' | 'copy',
  from: string,
  to: string,
  { recursive, overwrite, 'dry-run': dryRun, 'to-safe': toSafe, 'to-context': toContext }: Wishes,
): MoveOrder {
  const command = verb === 'move' ? 'mv' : 'cp';
  if (isFolder(from) !== recursive || isFolder(to) !== recursive) {
    const problem = recursive
      ? 'with --recursive both names end in "/": FROM/ TO/'
      : 'a name that ends in "/" is all below it, and needs --recursive';
    throw usageError(command, problem);
  }
  const parse = recursive ? parseFolder : parseName;
  const order = { verb, from: parse(from), to: parse(to), recursive, overwrite, forGood: false, dryRun };
  if (toSafe !== undefined) return order;
  if (toContext.length > 0) throw usageError(command, '--to-context goes with --to-safe');
  if (order.from === order.to) throw usageError(command, 'FROM and TO are the same');
  // Some would go to where others are that have not gone yet.
  if (recursive && isWithin(order.to, order.from)) throw usageError(command, 'TO is below FROM');
  if (recursive && isWithin(order.from, order.to)) throw usageError(command, 'FROM is below TO');
  return order;
}

function isWithin(folder: string, outer: string): boolean {
  return `${folder}/`.startsWith(outer === '' ? '' : `${outer}/`);
}

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
  ...yesOption,
  ...safeOptions,
} as const satisfies Options;

interface Wishes {
  readonly recursive: boolean;
  readonly overwrite: boolean;
  readonly 'dry-run': boolean;
}

/** Throws `usage` for names that cannot be, and where a folder meets a secret. */
export function moveOrder(
  verb: 'move' | 'copy',
  from: string,
  to: string,
  { recursive, overwrite, 'dry-run': dryRun }: Wishes,
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
  if (order.from === order.to) throw usageError(command, 'FROM and TO are the same');
  if (recursive && `${order.to}/`.startsWith(order.from === '' ? '' : `${order.from}/`)) {
    throw usageError(command, 'TO is below FROM');
  }
  return order;
}

/** `mv` and `cp` as they are asked for: within one safe, or to another. */

import { CofferError } from '../errors.ts';
import type { ConnectionOptions } from './context.ts';
import { openSafe } from './context.ts';
import { moveSecrets } from './move-secrets.ts';
import type { MoveOrder, SecretSafe } from './secret-safe.ts';
import type { Shell } from './shell.ts';

interface Wishes extends ConnectionOptions {
  readonly 'to-safe': string | undefined;
  readonly 'to-context': readonly string[];
  readonly yes: boolean;
}

/** Throws as `moveSecrets`; `unsupported_operation` where the two safes are of kinds that cannot. */
export async function moveAsAsked(shell: Shell, order: MoveOrder, options: Wishes): Promise<void> {
  const safe = await openSafe(shell, options);
  const { 'to-safe': toSafe, 'to-context': context } = options;
  if (toSafe === undefined) return moveSecrets(shell, safe, order, options.yes);
  const target = await openSafe(shell, { ...options, safe: toSafe, context });
  const mover = requireMover(safe, target);
  const elsewhere = { ...order, elsewhere: target.title };
  await moveSecrets(shell, { title: safe.title, mover }, elsewhere, options.yes);
}

function requireMover(safe: SecretSafe, target: SecretSafe) {
  if (safe.moverTo !== undefined) return safe.moverTo(target);
  throw new CofferError(
    'unsupported_operation',
    `--to-safe goes from one credstash:// table to another, and ${safe.title} is none`,
  );
}

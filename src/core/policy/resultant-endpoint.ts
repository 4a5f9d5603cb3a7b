/** `sys/internal/ui/resultant-acl`: what a token's policies come to, for a client that shows only what it may use. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { capabilitiesOf } from './capability.ts';
import { RuleMerger } from './merge.ts';
import { fillingOf } from './store.ts';

const pathSchema = {
  type: 'object',
  optional: true,
  nullable: true,
  members: { '*': { type: 'object', members: { capabilities: { type: 'list' } } } },
} as const;

export function resultantEndpoint(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'internal/ui/resultant-acl',
    help: 'Shows the rules of the token that asks, merged: by exact path, and by pattern without the "*" at its end.',
    fields: {},
    operations: {
      read: {
        summary: 'Show the rules of one’s own token',
        response: {
          root: { type: 'bool' },
          exact_paths: pathSchema,
          glob_paths: pathSchema,
          chroot_namespace: { type: 'string' },
        },
        handle: async (call) => ({ data: await resultant(rooms, call) }),
      },
    },
  });
}

async function resultant(rooms: CoreRooms, { token }: CoreCall): Promise<AnswerData> {
  if (token === undefined) throw new CofferError('internal', 'a call without a token');
  const { policies: names } = token;
  if (names.includes('root')) return { root: true, exact_paths: {}, glob_paths: {}, chroot_namespace: '' };
  const merger = new RuleMerger();
  for (const policy of await rooms.policies.load(names, fillingOf(token))) {
    for (const rule of policy.rules) merger.add(rule, policy.name);
  }
  const exact: Record<string, AnswerData> = Object.create(null);
  const globs: Record<string, AnswerData> = Object.create(null);
  for (const { pattern, capabilities } of merger.rules()) {
    const shown = { capabilities: [...capabilitiesOf(capabilities)] };
    if (pattern.kind === 'exact') exact[pattern.text] = shown;
    else globs[pattern.kind === 'prefix' ? pattern.stem : pattern.text] = shown;
  }
  return { root: false, exact_paths: exact, glob_paths: globs, chroot_namespace: '' };
}

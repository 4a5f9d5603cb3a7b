/** `config/sts/:account`: the role by which an account other than the server's own is asked. */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';

export interface StsAccount {
  readonly role: string;
  /** Empty for none. */
  readonly externalId: string;
}

const folder = 'config/sts/';

export async function readStsAccount(view: View, account: string): Promise<StsAccount | undefined> {
  const sealed = await view.read(folder + account);
  return sealed === undefined ? undefined : decodeStored<StsAccount>(sealed.open());
}

export function stsAccountEndpoints(): readonly Endpoint[] {
  const list = endpoint({
    pattern: 'config/sts',
    help: 'Lists accounts that are asked by a role of theirs.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List accounts that are asked by a role',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(folder, page), call.fields),
      },
    },
  });
  const one = endpoint({
    pattern: 'config/sts/:account',
    help: 'Shows, writes or deletes the role by which an account is asked.',
    fields: {
      sts_role: { type: 'string', help: 'ARN of a role in the account, which the server may assume.' },
      external_id: { type: 'string', help: 'What the role’s trust policy wants to hear besides.' },
    },
    exists: async (call) => (await readStsAccount(call.view, accountOf(call))) !== undefined,
    operations: {
      read: {
        summary: 'Show the role by which an account is asked',
        response: { sts_role: { type: 'string' }, external_id: { type: 'string' } },
        handle: async (call) => {
          const stored = await readStsAccount(call.view, accountOf(call));
          return stored === undefined
            ? undefined
            : { data: { sts_role: stored.role, external_id: stored.externalId } };
        },
      },
      update: {
        summary: 'Set the role by which an account is asked',
        handle: async (call) => {
          const account = accountOf(call);
          const before = await readStsAccount(call.view, account);
          const stored: StsAccount = {
            role: call.fields.sts_role ?? before?.role ?? '',
            externalId: call.fields.external_id ?? before?.externalId ?? '',
          };
          check(account, stored);
          await call.view.commit([{ path: folder + account, value: encodeStored(stored) }]);
          return undefined;
        },
      },
      delete: {
        summary: 'Ask an account by no role of its own any more',
        handle: async (call) => {
          await call.view.commit([{ path: folder + accountOf(call), value: null }]);
          return undefined;
        },
      },
    },
  });
  return [list, one];
}

function check(account: string, { role, externalId }: StsAccount): void {
  const of = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/.exec(role)?.[1];
  if (of === undefined) throw refused('sts_role is the ARN of a role');
  // A mistake here would have one account's instances looked up in another.
  if (of !== account) throw refused('sts_role is of another account than the one it is for');
  if (!/^([\w+=,.@:/-]{2,1224})?$/.test(externalId))
    throw refused('external_id is 2 to 1,224 letters, digits and any of _+=,.@:/-');
}

function accountOf(call: Call): string {
  const account = call.params['account'] ?? '';
  if (/^\d{12}$/.test(account)) return account;
  throw refused('an account has twelve digits');
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}

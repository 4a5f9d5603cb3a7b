/** `coffer sts enroll --inbox`: a device is enrolled here and now, and what the server has to know of it waits in a table. */
import { CofferError } from '../../errors.ts';
import { draftRequest } from '../../inbox/draft.ts';
import { parseInboxAddress } from '../../inbox/inbox-address.ts';
import { openInbox } from '../../inbox/inbox-table.ts';
import { usageError } from '../args.ts';
import type { Shell } from '../shell.ts';
import { proveDevice, showSecret } from './enrolment.ts';
import { listSetting, personOf } from './settings.ts';

export interface InboxOptions {
  readonly inbox: string | undefined;
  readonly key: string | undefined;
  readonly issuer: string | undefined;
  readonly 'account-name': string | undefined;
  readonly roles: readonly string[];
  readonly 'secondary-authorizers': readonly string[];
  readonly second: string | undefined;
  readonly policies: readonly string[];
  readonly invite: boolean;
  readonly recover: boolean;
  readonly 'show-url': boolean;
}

/** Nothing is written before two codes have proven the device, and what AWS would refuse is found out before it is shown. */
export async function enrolByInbox(shell: Shell, options: InboxOptions): Promise<void> {
  const { inbox, key } = options;
  if (inbox === undefined || key === undefined)
    throw usageError('sts enroll', '--inbox and --key go together');
  refuseOthers(options);
  const person = personOf(options, shell.env);
  if (![person.issuer, person.account].every((name) => name.normalize('NFC') === name)) {
    throw usageError('sts enroll', 'names are in composed form (NFC)');
  }
  const authorizers =
    listSetting(options['secondary-authorizers'], shell.env, 'STS_SECONDARY_AUTHORIZERS') ?? [];
  if (options.second === 'person' && authorizers.length === 0)
    throw usageError('sts enroll', '--second person goes with --secondary-authorizers');
  const { address, services } = open(shell, inbox, key);
  const draft = await draftRequest(services.kms, address.key, {
    ...person,
    roles: listSetting(options.roles, shell.env, 'STS_ROLES') ?? [],
    authorizers,
    createdAt: shell.now(),
  });
  await services.table.check();
  await showSecret(shell, draft.url, options['show-url']);
  await proveDevice(shell, async (code, next) => draft.prove(code, next, shell.now()));
  await services.table.create(draft.waiting);
  shell.ui.done(
    `TOTP enrolled and verified; the request waits in ${address.table} until the server takes it over`,
    { ...person, table: address.table, waiting: true },
  );
}

function open(shell: Shell, inbox: string, key: string) {
  const address = addressFrom(inbox, key);
  const region = shell.env['STS_REGION'];
  // The old program's variable, for who says nothing else.
  const usual = region === undefined || region === '' ? {} : { region };
  const { account, kmsAccount } = address;
  const placed = {
    ...address,
    account: { ...account, region: account.region ?? usual.region },
    kmsAccount: { ...kmsAccount, region: kmsAccount.region ?? usual.region },
  };
  const services = openInbox(placed, { env: shell.env });
  shell.atEnd(async () => services.close());
  return { address, services };
}

function addressFrom(inbox: string, key: string) {
  try {
    return parseInboxAddress(inbox, key);
  } catch (error) {
    throw error instanceof CofferError ? new CofferError('usage', error.message, { cause: error }) : error;
  }
}

/** What only a server can do, or has to say itself. */
function refuseOthers({ invite, recover, policies, second }: InboxOptions): void {
  if (invite || recover)
    throw usageError('sts enroll', '--invite and --recover need the server: they do not go with --inbox');
  if (policies.length > 0)
    throw usageError(
      'sts enroll',
      '--policies does not go with --inbox: config/inbox on the server says them',
    );
  if (second === 'device')
    throw usageError(
      'sts enroll',
      'with --inbox an account has one device: --second device needs the server',
    );
}

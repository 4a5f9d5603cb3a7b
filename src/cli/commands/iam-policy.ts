import { parseContext } from '../../credstash/encryption-context.ts';
import { iamPolicy, policyRoles } from '../../credstash/iam-policy.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { safeOptions } from '../options.ts';
import { variable } from '../shell.ts';
import { tableOptions, tableTarget } from '../table-target.ts';

export const command = defineCommand({
  summary: 'Print the least IAM policy for a table of secrets',
  details: [
    'ROLE is reader (get, list, export), writer (put, delete and undelete, but no values to see), or admin (both, prune, delete ' +
      'for good, table setup). It asks nobody: what is not known, such as the account, is * in it. With --context the ' +
      'key serves only calls of that context.',
  ],
  operands: { ROLE: 'one' },
  options: {
    account: { type: 'text', value: 'ID', help: 'the account, twelve digits' },
    context: safeOptions.context,
    'shared-keys': {
      type: 'flag',
      help: 'for a table of `table setup --shared-key-days`: a writer sees values too',
    },
    ...tableOptions,
  },
  examples: [
    "coffer iam-policy reader --safe 'credstash://secrets?key=alias/secrets'",
    'coffer iam-policy writer --account 111122223333 --context env=prod',
  ],
  async run({ options, operands }, shell) {
    const role = policyRoles.find((each) => each === operands.ROLE);
    if (role === undefined) throw usageError('iam-policy', `ROLE is one of: ${policyRoles.join(', ')}`);
    const { account } = options;
    if (account !== undefined && !/^\d{12}$/.test(account))
      throw usageError('iam-policy', '--account has twelve digits');
    const address = tableTarget(shell, options);
    const said = variable(shell.env, 'AWS_REGION') ?? variable(shell.env, 'AWS_DEFAULT_REGION');
    shell.ui.json(
      iamPolicy(role, address, parseContext([...address.context, ...options.context]), {
        account,
        sharedKeys: options['shared-keys'],
        region: address.account.region ?? said,
        kmsRegion: address.kmsAccount.region ?? said,
      }),
    );
  },
});

import { homeNames, usualName } from '../../config/aws-home.ts';
import { parseContext } from '../../credstash/encryption-context.ts';
import { iamPolicy, policyRoles } from '../../credstash/iam-policy.ts';
import { usageError } from '../args.ts';
import {
  awsEnginePolicy,
  type EnginePolicyOptions,
  type EngineUse,
  engineUses,
} from '../aws-engine-policy.ts';
import { defineCommand } from '../command.ts';
import { safeOptions } from '../options.ts';
import { serverPolicy } from '../server-policy.ts';
import { variable } from '../shell.ts';
import { tableOptions, tableTarget } from '../table-target.ts';

export const command = defineCommand({
  summary: 'Print the least IAM policy for a table, a server or an engine',
  details: [
    'ROLE is reader (get, list, export), writer (put, delete and undelete, but no values to see), or admin (both, prune, delete ' +
      'for good, table setup). It asks nobody: what is not known, such as the account, is * in it. With --context the ' +
      'key serves only calls of that context.',
    'With server it is the policy of `coffer server --aws`, of the same --name.',
    'With aws-engine it is the policy of the identity in `config/root` of an engine aws: for all that its roles may do, or for ' +
      'what --use says.',
    'With delivery it is the policy of the server’s identity for targets of service users, with reader --target that of an application ' +
      'that reads there.',
  ],
  operands: { ROLE: 'one' },
  options: {
    account: { type: 'text', value: 'ID', help: 'the account, twelve digits' },
    context: safeOptions.context,
    'shared-keys': {
      type: 'flag',
      help: 'for a table of `table setup --shared-key-days`: a writer sees values too',
    },
    aws: { type: 'flag', help: 'with server: as in `coffer server --aws`' },
    use: {
      type: 'list',
      value: 'USE',
      help: `with aws-engine: ${engineUses.join(', ')}; may be repeated`,
    },
    'role-arn': { type: 'list', value: 'ARN', help: 'with aws-engine: a role to assume; may be repeated' },
    'user-path': {
      type: 'text',
      value: 'PATH',
      help: 'with aws-engine: of the users that are made, as in /made/',
    },
    boundary: {
      type: 'text',
      value: 'ARN',
      help: 'with aws-engine: the policy that bounds every user that is made',
    },
    target: {
      type: 'list',
      value: 'ADDRESS',
      help: 'with delivery and reader: where applications’ credentials are delivered; may be repeated',
    },
    application: {
      type: 'list',
      value: 'ID',
      help: 'with reader --target: whose credentials are read; may be repeated',
    },
    acls: { type: 'flag', help: 'with delivery: some of the buckets have ACLs' },
    deletes: {
      type: 'flag',
      help: 'with delivery: what was delivered may be deleted, and not only written over',
    },
    name: { type: 'text', value: 'NAME', help: 'with server: as in `coffer server --aws --name NAME`' },
    ...tableOptions,
  },
  examples: [
    "coffer iam-policy reader --safe 'credstash://secrets?key=alias/secrets'",
    'coffer iam-policy writer --account 111122223333 --context env=prod',
    'coffer iam-policy server --aws --name billing',
    'coffer iam-policy aws-engine --use assumed_role --account 111122223333',
    'coffer iam-policy delivery --target org-mint-eu-west-1 --deletes',
    'coffer iam-policy reader --target org-mint-eu-west-1 --application shop',
  ],
  async run({ options, operands }, shell) {
    const { account } = options;
    if (account !== undefined && !/^\d{12}$/.test(account))
      throw usageError('iam-policy', '--account has twelve digits');
    const said = variable(shell.env, 'AWS_REGION') ?? variable(shell.env, 'AWS_DEFAULT_REGION');
    if (operands.ROLE === 'server') {
      shell.ui.json(serverPolicy(homeNames(options.name ?? usualName), { account, region: said }));
      return;
    }
    if (operands.ROLE === 'aws-engine') {
      shell.ui.json(awsEnginePolicy(engineOptions(options, said)));
      return;
    }
    if (operands.ROLE === 'delivery' || (operands.ROLE === 'reader' && options.target.length > 0)) {
      const { deliveryRolePolicy } = await import('../delivery-role-policy.ts');
      shell.ui.json(deliveryRolePolicy(operands.ROLE, { ...options, account }, said));
      return;
    }
    refuseDeliveryWords(options);
    const role = policyRoles.find((each) => each === operands.ROLE);
    if (role === undefined)
      throw usageError(
        'iam-policy',
        `ROLE is one of: ${[...policyRoles, 'server', 'aws-engine', 'delivery'].join(', ')}`,
      );
    if (options.aws || options.name !== undefined)
      throw usageError('iam-policy', '--aws and --name go with server');
    const address = tableTarget(shell, options);
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

interface DeliveryWords {
  readonly target: readonly string[];
  readonly application: readonly string[];
  readonly acls: boolean;
  readonly deletes: boolean;
}

function refuseDeliveryWords({ target, application, acls, deletes }: DeliveryWords): void {
  if (target.length === 0 && application.length === 0 && !acls && !deletes) return;
  throw usageError('iam-policy', '--target, --application, --acls and --deletes go with delivery and reader');
}

interface EngineWords {
  readonly use: readonly string[];
  readonly account: string | undefined;
  readonly 'role-arn': readonly string[];
  readonly 'user-path': string | undefined;
  readonly boundary: string | undefined;
}

function engineOptions(words: EngineWords, region: string | undefined): EnginePolicyOptions {
  const uses = words.use.map((word): EngineUse => {
    const use = engineUses.find((each) => each === word);
    if (use !== undefined) return use;
    throw usageError('iam-policy', `--use is one of: ${engineUses.join(', ')}`);
  });
  if (!words['role-arn'].every((arn) => /^arn:aws[a-z-]*:iam::\d{12}:role\/\S{1,576}$/.test(arn))) {
    throw usageError('iam-policy', '--role-arn is the ARN of a role');
  }
  const userPath = words['user-path'] ?? '/';
  if (!/^\/(?:[\x21-\x2e\x30-\x7e]{1,128}\/){0,8}$/.test(userPath)) {
    throw usageError('iam-policy', '--user-path is a path with / at both ends');
  }
  const { account, boundary } = words;
  if (boundary !== undefined && !/^arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy\/\S{1,640}$/.test(boundary)) {
    throw usageError('iam-policy', '--boundary is the ARN of a policy');
  }
  const all = uses.length === 0 ? engineUses : uses;
  return { uses: all, account, region, roleArns: words['role-arn'], userPath, boundary };
}

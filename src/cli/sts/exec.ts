import { CofferError } from '../../errors.ts';
import { childEnvironment } from '../child-environment.ts';
import { defineCommand } from '../command.ts';
import { variablesOf } from './credentials.ts';
import { getOptions } from './get.ts';
import { obtain } from './request.ts';

/** What would win over, or be mixed with, what is handed on. */
const otherIdentities = [
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_SECURITY_TOKEN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_CREDENTIAL_EXPIRATION',
] as const;

export const exec = defineCommand({
  summary: 'Run a program with credentials of AWS in its environment',
  details: [
    'As `coffer sts get`, and then COMMAND with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. The profile ' +
      'and other identities of our own environment do not reach it. Its exit code is ours; 126 and 127 when it cannot be started.',
    'The program gets our standard input: where codes are to come from there, it is empty for the program.',
  ],
  operands: { COMMAND: 'behind' },
  options: getOptions,
  examples: ['coffer sts exec --issuer acme --account-name alice --role Admin -- aws s3 ls'],
  async run({ options, operands }, shell) {
    const credentials = await obtain(shell, options);
    const variables: [string, string][] = variablesOf(credentials).map(([name, value]) => [name, value]);
    if (credentials.expiration !== undefined)
      variables.push(['AWS_CREDENTIAL_EXPIRATION', new Date(credentials.expiration).toISOString()]);
    const parent = Object.fromEntries(
      Object.entries(shell.env).filter(([name]) => !otherIdentities.some((each) => each === name)),
    );
    const env = childEnvironment(
      variables.map(([name, value]) => ({ name, value })),
      parent,
      { pristine: false, keepToken: false },
    );
    const [command = '', ...args] = operands.COMMAND;
    const { runChild } = await import('../run-child.ts');
    const end = await runChild({ command, args, env, searchPath: shell.env['PATH'] });
    if (end.kind === 'ended') return shell.endWith(end.code);
    shell.endWith(end.reason === 'missing' ? 127 : 126);
    shell.ui.fail(new CofferError('usage', `the program was not started: ${end.reason}`));
  },
});

import { CofferError } from '../../errors.ts';
import { defineCommand } from '../command.ts';
import { isOutputName, outputNames, printed } from './output.ts';
import { obtain } from './request.ts';
import { commonStsOptions } from './settings.ts';

/** Of every verb that gets credentials. */
export const getOptions = {
  role: { type: 'text', value: 'ROLE', help: 'whose credentials are wanted (STS_ROLE)' },
  endpoint: {
    type: 'text',
    value: 'URL',
    help: 'a server that speaks as the old program’s did (STS_ENDPOINT), in place of --address',
  },
  'secondary-authorizer': {
    type: 'text',
    value: 'NAME',
    help: 'the account whose code comes second (STS_SECONDARY_ACCOUNT_NAME)',
  },
  'second-device': { type: 'flag', help: 'the second code is of another device of your own' },
  'totp-code': { type: 'text', value: 'CODE', help: 'the code; better left out, and asked for' },
  'secondary-totp-code': { type: 'text', value: 'CODE', help: 'the second code; better left out too' },
  ttl: { type: 'text', value: 'TTL', help: 'how long they last, if not as the role says' },
  'no-cache': { type: 'flag', help: 'neither use credentials that were kept, nor keep these' },
  ...commonStsOptions,
} as const;

export const get = defineCommand({
  summary: 'Trade one-time codes for credentials of AWS',
  details: [
    'Codes are asked for, or read from standard input, a line each: first your own, then, where --secondary-authorizer names ' +
      'somebody, theirs. What comes out are lines for a shell (--format export, the default), fish or powershell, or one ' +
      'document as the setting credential_process of the AWS SDKs reads it.',
    'Credentials are kept until shortly before they end, in the desktop’s keyring or a file of yours alone, so that no code is ' +
      'asked for while they last. A code on the command line always gets new ones.',
  ],
  operands: {},
  options: {
    ...getOptions,
    format: { type: 'text', value: 'FORMAT', choices: outputNames, help: outputNames.join(', ') },
  },
  examples: [
    'eval "$(coffer sts get --issuer acme --account-name alice --role Admin)"',
    'coffer sts get --role Admin --secondary-authorizer bob --format json',
  ],
  async run({ options }, shell) {
    const name = options.format ?? (shell.ui.format === 'json' ? 'json' : 'export');
    if (!isOutputName(name)) throw new CofferError('usage', `--format is one of: ${outputNames.join(', ')}`);
    const credentials = await obtain(shell, options);
    shell.ui.text(printed(credentials, name));
  },
});

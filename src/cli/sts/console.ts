import { CofferError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import type { Credentials } from './credentials.ts';
import { getOptions } from './get.ts';
import { obtain } from './request.ts';

interface Doors {
  readonly signin: string;
  readonly console: string;
}

/** Where people log in to the console, by partition. */
const doors: Readonly<Record<string, Doors>> = {
  aws: { signin: 'https://signin.aws.amazon.com', console: 'https://console.aws.amazon.com/' },
  'aws-us-gov': {
    signin: 'https://signin.amazonaws-us-gov.com',
    console: 'https://console.amazonaws-us-gov.com/',
  },
  'aws-cn': { signin: 'https://signin.amazonaws.cn', console: 'https://console.amazonaws.cn/' },
};

const patience = 20_000;

export const console = defineCommand({
  summary: 'Print an address that logs in to the AWS console',
  details: [
    'As `coffer sts get`, and then a login at the console with what came of it. The address itself lets in whoever has it, for ' +
      'fifteen minutes: it is a secret.',
  ],
  operands: {},
  options: {
    destination: { type: 'text', value: 'URL', help: 'the page to come to, if not the console’s first' },
    signin: {
      type: 'text',
      value: 'URL',
      help: 'the place to log in at, where it is not the partition’s own',
    },
    ...getOptions,
  },
  examples: ['coffer sts console --issuer acme --account-name alice --role Admin'],
  async run({ options }, shell) {
    const credentials = await obtain(shell, options);
    const partition = /^arn:([a-z-]+):/.exec(credentials.arn ?? '')?.[1] ?? 'aws';
    const door = Object.hasOwn(doors, partition) ? doors[partition] : undefined;
    if (door === undefined)
      throw new CofferError(
        'unsupported_operation',
        `there is no console known for the partition ${partition}`,
      );
    const signin = options.signin?.replace(/\/+$/, '') ?? door.signin;
    const token = await signinToken(signin, credentials);
    const query = new URLSearchParams({
      Action: 'login',
      Issuer: 'coffer',
      Destination: options.destination ?? door.console,
      SigninToken: token,
    });
    const address = `${signin}/federation?${query.toString()}`;
    if (shell.ui.format === 'json') shell.ui.json({ url: address });
    else shell.ui.text(`${address}\n`);
  },
});

/** By POST: what is asked with is not for the logs of whoever is on the way. */
async function signinToken(
  signin: string,
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
): Promise<string> {
  const session = JSON.stringify({ sessionId: accessKeyId, sessionKey: secretAccessKey, sessionToken });
  const { createOutgoing } = await import('../../outgoing/https.ts');
  const { status, body } = await createOutgoing({ patience, atOnce: 1 })({
    url: `${signin}/federation`,
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ Action: 'getSigninToken', Session: session }).toString(),
  });
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch {
    answer = undefined;
  }
  const token = isJsonObject(answer) ? answer['SigninToken'] : undefined;
  if (status !== 200 || typeof token !== 'string' || token === '')
    throw new CofferError('unavailable', `AWS gave no login at the console (HTTP ${status})`);
  return token;
}

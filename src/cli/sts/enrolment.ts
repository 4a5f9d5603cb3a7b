/** The person's side of an enrolment: an invitation spent for a secret, the secret shown to a camera, and two codes as the proof. */
import type { Client } from '../../client/client.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { isInteractive, readSecretLine } from '../prompt.ts';
import { dataOf } from '../safe.ts';
import type { Shell } from '../shell.ts';
import { checkedCode } from './codes.ts';

export interface Enrolment {
  readonly mount: string;
  /** One-time; it is the right to enrol. */
  readonly invitation: string;
  /** Whether the secret is printed as text besides. */
  readonly showUrl: boolean;
}

/** Times that a person may mistype. */
const mostTries = 3;

/** Resolves when the device is the account's. Answers what the server says of it: recovery codes, where there are some. */
export async function enrolDevice(shell: Shell, client: Client, enrolment: Enrolment): Promise<JsonObject> {
  const { mount, invitation, showUrl } = enrolment;
  const started = await client.request('POST', `auth/${mount}/enroll/start`, { body: { invitation } });
  const url = dataOf(started.body)['url'];
  if (typeof url !== 'string') throw new CofferError('unavailable', 'the server answered without a secret');
  await show(shell, url, showUrl);
  shell.ui.talk('Validate TOTP enrollment: two codes, one after the other');
  for (let tries = 1; ; tries++) {
    const code = await askCode(shell);
    shell.ui.talk('wait for the next code');
    const next = await askCode(shell);
    try {
      const body = { invitation, code, next_code: next };
      return dataOf((await client.request('POST', `auth/${mount}/enroll/finish`, { body })).body);
    } catch (thrown) {
      const error = asCofferError(thrown);
      const mistyped = error.code === 'permission_denied' || error.code === 'invalid_request';
      if (!mistyped || !isInteractive(shell) || tries === mostTries) throw error;
      shell.ui.warn('these were not two codes of this secret, one directly after the other: try again');
    }
  }
}

async function askCode(shell: Shell): Promise<string> {
  return checkedCode(await readSecretLine(shell, 'Enter Passcode'), 'a code');
}

/** As a picture, which leaves no text behind to be copied; and as text only for whoever says so. */
async function show(shell: Shell, url: string, asText: boolean): Promise<void> {
  if (asText) {
    shell.ui.text(`${url}\n`);
    return;
  }
  const { drawBlocks } = await import('../../crypto/barcode.ts');
  const picture = await drawBlocks(url);
  if (picture === undefined)
    throw new CofferError(
      'unsupported_operation',
      'these names are too long for a picture; --show-url prints the address',
    );
  shell.ui.text(picture);
}

/** Codes that open one enrolment each when all devices are lost: shown once. */
export function tellRecovery(shell: Shell, answer: JsonObject, document: JsonObject): void {
  const codes = answer['recovery_codes'];
  const list = Array.isArray(codes) ? codes.filter((each) => typeof each === 'string') : [];
  if (shell.ui.format === 'json') {
    shell.ui.json({ ...document, recovery_codes: list });
    return;
  }
  shell.ui.talk('TOTP enrolled and verified');
  if (list.length === 0) return;
  shell.ui.talk('recovery codes, each good for one new enrolment; they are not shown again:');
  shell.ui.lines(list);
}

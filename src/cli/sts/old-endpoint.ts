/** The one request of the program `sts`, for whoever still has its address: every failure of its servers looks the same. */
import { readFileSync } from 'node:fs';
import { CofferError } from '../../errors.ts';
import { createOutgoing } from '../../outgoing/https.ts';
import { systemReason } from '../private-file.ts';
import { type Credentials, fromOldAnswer } from './credentials.ts';
import type { Proof } from './request.ts';

/** As long as the old program waited. */
const patience = 60_000;

/** @param caFile PEM certificates to trust in place of the platform's; throws `permission_denied` where the server gave none */
export async function askEndpoint(
  endpoint: string,
  { issuer, account, code, role, second }: Proof,
  caFile: string | undefined,
): Promise<Credentials> {
  const ask = createOutgoing({ patience, atOnce: 1 });
  const { status, body } = await ask({
    url: endpoint,
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      Issuer: issuer,
      AccountName: account,
      TOTPCode: code,
      SecondaryAccountName: second?.account ?? '',
      SecondaryTOTPCode: second?.code ?? '',
      Role: role,
    }),
    ...(caFile === undefined ? {} : { ca: readCertificates(caFile) }),
  });
  if (status !== 200)
    throw new CofferError(
      'permission_denied',
      `the server gave no credentials (HTTP ${status}): the account, the codes or the role were not accepted, or it could not reach AWS`,
    );
  return fromOldAnswer(parsed(body));
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}

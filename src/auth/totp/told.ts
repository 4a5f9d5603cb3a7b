/** What people are told of logins: of each one and of each refusal of somebody who has an account. Never a code. */
import type { Clock } from '../../clock.ts';
import type { Notice } from '../../core/notices.ts';
import { CofferError } from '../../errors.ts';
import type { AccountRecord } from './account.ts';
import { type AccountName, fullName } from './names.ts';
import type { TotpRooms } from './rooms.ts';

/** A login was granted. */
export const loginNotice = 'login.totp';
/** One was refused: a kind of its own, since anybody can bring these about. */
export const refusalNotice = 'login.totp.refused';
/** Somebody without a token made themselves an invitation, or a device was enrolled. */
export const enrolmentNotice = 'enrolment.totp';

export type Outcome =
  | 'granted'
  | 'refused'
  | 'invited by codes'
  | 'invited by a recovery code'
  | 'device enrolled';

export interface Told {
  readonly outcome: Outcome;
  readonly account: AccountName;
  /** Empty where none was asked for. */
  readonly role?: string;
  /** Empty where there is none. */
  readonly secondParty?: string;
  readonly remoteAddress: string;
}

function noticeOf(clock: Clock, { outcome, account, role, secondParty, remoteAddress }: Told): Notice {
  const isLogin = outcome === 'granted' || outcome === 'refused';
  return {
    kind: outcome === 'refused' ? refusalNotice : isLogin ? loginNotice : enrolmentNotice,
    subject: `${isLogin ? 'Login' : 'Enrolment'} of ${fullName(account)} by one-time code: ${outcome}`,
    fields: {
      issuer: account.issuer,
      account: account.account,
      role: role ?? '',
      second_party: secondParty ?? '',
      remote_address: remoteAddress,
      time: new Date(clock.now()).toISOString(),
      outcome,
    },
  };
}

/** Resolves when it is sure to be told; at once for an account whose notifiers had to accept it before. */
export async function tellUnlessDemanded(
  rooms: TotpRooms,
  { notify }: Pick<AccountRecord, 'notify'>,
  told: Told,
): Promise<void> {
  if (notify.length === 0) await tell(rooms, told);
}

/** Resolves when it is sure to be told. */
export async function tell({ environment }: TotpRooms, told: Told): Promise<void> {
  await environment.notices?.post(noticeOf(environment.clock, told));
}

/**
 * The same of a refusal, which waits for nobody: a caller must not tell by the clock whether there is somebody to be told. The audit log
 * has the refusal whatever becomes of its notice.
 */
export function tellRefusal(rooms: TotpRooms, told: Told): void {
  tell(rooms, told).catch(() => undefined);
}

/**
 * Has the account's notifiers accept the notice of what it is about to be granted; whoever else wants it is told then, too. Throws `unavailable` where they don't, and where there
 * is nobody who could.
 */
export async function demandTold(
  { environment }: TotpRooms,
  { notify }: Pick<AccountRecord, 'notify'>,
  told: Told,
): Promise<void> {
  if (notify.length === 0) return;
  try {
    if (environment.notices === undefined) throw new CofferError('unavailable', 'nobody can be told');
    await environment.notices.demand(noticeOf(environment.clock, told), notify);
  } catch (error) {
    throw new CofferError(
      'unavailable',
      'this has to be told of before it counts, and that could not be done: nothing was handed out; a code that was shown may be used up',
      { cause: error },
    );
  }
}

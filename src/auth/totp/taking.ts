/**
 * Taking requests over, one at a time. An account, its device and a mark of the request are made in one commit; then people are told,
 * the item goes, and the mark is put aside. Cut off anywhere, the next one goes on from the mark, and nothing is made twice: while an item
 * may still be in somebody's hand as it was read, its mark is there.
 */
import type { Call } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { stepAt } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';
import {
  type EnrolmentRequest,
  openRequest,
  requestCodes,
  type WaitingRequest,
} from '../../inbox/enrolment-request.ts';
import type { InboxServices } from '../../inbox/inbox-table.ts';
import { accountExpectation, readAccount } from './account.ts';
import { lookAlike, madeAccount } from './accounts.ts';
import { accountWrite, withDevice } from './devices.ts';
import type { InboxConfig } from './inbox-config.ts';
import { type AccountName, claimPath, fullName, nameOf } from './names.ts';
import type { TotpRooms } from './rooms.ts';
import { tellOfRequest } from './told.ts';

/** Marks of requests that were taken and not yet told of or removed; and of those that are done with. */
const openFolder = 'inbox/open/';
const doneFolder = 'inbox/done/';
/** Milliseconds that a mark outlives its item: far longer than a request takes. */
const markLife = 3_600_000;
/** Marks that one request finishes: there is one for each time that somebody was cut off. */
const mostMarks = 100;
/** Id of the device that comes along. */
const deviceId = 'inbox';

export interface Taking {
  readonly rooms: TotpRooms;
  readonly call: Pick<Call, 'view' | 'clock' | 'remoteAddress' | 'caller'>;
  readonly config: InboxConfig;
  readonly services: InboxServices;
}

/** What is kept of a request that was taken. */
type Mark = Pick<EnrolmentRequest, 'id' | 'issuer' | 'account' | 'roles'>;

export type Fate =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody can say whose it is: it was changed, or another key made it. */
  | { readonly kind: 'unreadable'; readonly why?: string }
  /** It was settled already. */
  | { readonly kind: 'settled' };

/** The names of a request, where an account can have them. */
export function nameOfRequest({ request }: WaitingRequest): AccountName | undefined {
  return nameOf(request.issuer, request.account);
}

/**
 * Makes the account, or refuses to. Throws where nobody can know now (AWS or the store is away): the request waits on then. It goes with
 * `settle`.
 */
export async function decide(taking: Taking, waiting: WaitingRequest): Promise<Fate> {
  const { rooms, config, services } = taking;
  const name = nameOfRequest(waiting);
  if (name === undefined) return { kind: 'unreadable' };
  const [open, done] = await taking.call.view.readMany(marksOf(rooms, waiting.request.id));
  if (open !== undefined || done !== undefined) return { kind: 'settled' };
  const key = await openedKey(services, config.key, waiting);
  if (!Buffer.isBuffer(key)) return key;
  try {
    return await retryOnConflict(() => make(taking, name, waiting, key));
  } catch (error) {
    if (error instanceof CofferError && error.code === 'invalid_request')
      return { kind: 'refused', reason: error.message };
    throw error;
  } finally {
    key.fill(0);
  }
}

/** Of what does not open here and now, but might not open ever, none stands in the way of those behind it. */
async function openedKey(
  { kms }: InboxServices,
  key: string,
  waiting: WaitingRequest,
): Promise<Buffer | Fate> {
  try {
    return await openRequest(kms, key, waiting);
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    switch (error.code) {
      case 'integrity':
      case 'wrong_key':
      case 'invalid_request':
        return { kind: 'unreadable' };
      // Also where the right is for some encryption contexts only.
      case 'permission_denied':
        return { kind: 'unreadable', why: error.message };
      default:
        throw error;
    }
  }
}

async function make(
  { rooms, call, config }: Taking,
  name: AccountName,
  { request }: WaitingRequest,
  key: Buffer,
): Promise<Fate> {
  if (!request.roles.every((role) => config.allowedRoles.includes(role))) {
    throw new CofferError('invalid_request', 'it asks for a role that allowed_roles does not list');
  }
  const { view, clock } = call;
  const claim = claimPath(rooms.environment, name);
  const [openMark, doneMark] = marksOf(rooms, request.id);
  const [open, done, claimed] = await view.readMany([openMark, doneMark, claim]);
  if (open !== undefined || done !== undefined) return { kind: 'settled' };
  if ((await readAccount(view, name)) !== undefined) {
    throw new CofferError('invalid_request', 'there is an account of this name, and it stays as it is');
  }
  if (claimed !== undefined) throw lookAlike();
  const { roles, authorizers, id, issuer, account } = request;
  const before = madeAccount(rooms, name, {
    roles,
    authorizers,
    second: authorizers.length > 0 ? 'person' : '',
    token_policies: config.policies,
  });
  const seed = { key, ...requestCodes };
  // Whatever it showed so far is used up; its clock may be a step ahead.
  const lastStep = stepAt(clock.now(), seed) + 1;
  const added = withDevice(rooms, name, before, { id: deviceId, source: 'inbox' }, seed, lastStep);
  const mark: Mark = { id, issuer, account, roles };
  await view.commit(
    [
      accountWrite(added.account),
      added.write,
      { path: claim, value: encodeStored({ name: fullName(name) }) },
      { path: openMark, value: encodeStored(mark) },
    ],
    [
      accountExpectation(name, undefined),
      ...[claim, openMark, doneMark].map((path) => ({ path, revision: null })),
    ],
  );
  return { kind: 'taken' };
}

/** Tells people of what was decided and takes the item away. Doing it again is harmless. */
export async function settle(taking: Taking, request: Mark, fate: Fate): Promise<void> {
  if (fate.kind !== 'taken' && fate.kind !== 'refused') return;
  const { rooms, call, services } = taking;
  const { clock, view, remoteAddress, caller } = call;
  const { issuer, account, roles } = request;
  await tellOfRequest(rooms, {
    outcome: fate.kind,
    account: { issuer, account },
    roles: fate.kind === 'taken' ? roles : [],
    reason: fate.kind === 'refused' ? fate.reason : '',
    by: caller?.displayName ?? '',
    remoteAddress,
  });
  await services.table.remove(request);
  if (fate.kind === 'refused') return;
  const [open, done] = marksOf(rooms, request.id);
  await view.commit(
    [
      { path: open, value: null },
      { path: done, value: encodeStored({}) },
    ],
    [],
    [{ at: clock.now() + markLife, name: done }],
  );
}

/** Ends what earlier requests were cut off from ending; each is shown to `told` once it is. */
export async function finishEarlier(taking: Taking, told: (mark: Mark) => void): Promise<void> {
  const { items } = await taking.call.view.range(openFolder, { limit: mostMarks });
  for (const sealed of items) {
    const mark = decodeStored<Mark>(sealed.open());
    await settle(taking, mark, { kind: 'taken' });
    told(mark);
  }
}

export function isMarkEnd(name: string): boolean {
  return name.startsWith(doneFolder);
}

function marksOf({ environment }: TotpRooms, id: string): readonly [open: string, done: string] {
  const hash = environment.digest(`totp-inbox/${id}`);
  return [openFolder + hash, doneFolder + hash];
}

/**
 * What a login and a change of one's own devices have in common: somebody shows a code, and where the account wants it, somebody else or
 * another device shows a second one. Everything that is wrong is refused in one way, after the same work; nothing is used up by a
 * refusal, and everything that was shown is used up by one commit.
 */
import type { Call } from '../../core/endpoint.ts';
import type { ViewExpectation, ViewWrite } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type AccountRecord, devicePath, encodeDevice, type ReadAccount } from './account.ts';
import { type Match, type Matches, makeUp, matchesOf, parseCode } from './codes.ts';
import { configPath, decodeConfig, type MountConfig } from './config.ts';
import { type AccountName, fullName, nameOf } from './names.ts';
import { type Party, partyOf, partyPaths, refusalOf, type Standing, standingOf } from './party.ts';
import type { TotpRooms } from './rooms.ts';

/** What is shown, as far as that can be read without looking anything up. */
export interface Shown {
  readonly first: AccountName;
  readonly code: string;
  /** Undefined where none is named, or the account itself. */
  readonly second: AccountName | undefined;
  /** Undefined where none was sent. */
  readonly secondCode: string | undefined;
}

export interface Proven {
  readonly read: ReadAccount;
  readonly config: MountConfig;
  /** Devices of the account that showed a code. */
  readonly devices: readonly Match[];
  /** The second person's account, where there is one. */
  readonly approvedBy: string | undefined;
  /** They use up what was shown: to be committed along with whatever it was shown for. */
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
}

/** A refusal of somebody who has an account, for whoever is told of them. */
export type OnRefusal = (account: AccountRecord) => void;

/**
 * Reads what was sent. Throws `invalid_request` for what is missing or no code, and for names that nobody can have.
 */
export function readShown(
  sent: {
    readonly [N in 'issuer' | 'account' | 'code' | 'second_account' | 'second_code']?: string | undefined;
  },
): Shown {
  const {
    issuer = '',
    account = '',
    second_account: secondAccount = '',
    second_code: secondCode = '',
  } = sent;
  if (issuer === '') throw new CofferError('invalid_request', 'missing issuer');
  if (account === '') throw new CofferError('invalid_request', 'missing account');
  const code = parseCode(sent.code);
  const second = secondCode === '' ? undefined : parseCode(secondCode, 'second_code');
  const first = nameOf(issuer, account);
  const other = secondAccount === '' || secondAccount === account ? undefined : nameOf(issuer, secondAccount);
  // Nobody can be called so, and nothing is told by saying it.
  if (first === undefined || (other === undefined && !['', account].includes(secondAccount))) throw refused();
  return { first, code, second: other, secondCode: second };
}

/** What of a call judging needs. */
export type ProofCall = Pick<Call, 'view' | 'remoteAddress' | 'clock'>;

/**
 * Judges what was shown. Throws the one refusal, which is counted against the account by then, and `permission_denied` where the account
 * is locked for this address. A conflict passes through: then all of it is to be done again.
 * @param isFit what else has to hold of the account
 */
export async function prove(
  rooms: TotpRooms,
  call: ProofCall,
  shown: Shown,
  isFit: (account: AccountRecord) => boolean,
  onRefusal: OnRefusal,
): Promise<Proven> {
  const { config, first: party, second } = await readParties(rooms, call, shown);
  const first = await witnessOf(rooms, call, party);
  // Vault's text for a locked name.
  if (first.standing.kind === 'locked') throw new CofferError('permission_denied', 'permission denied');
  const other = second === undefined ? undefined : await witnessOf(rooms, call, second);
  const { verdict, work } = await verdictOf(rooms, call, shown, first, other);
  const { read } = party;
  if (verdict.kind === 'right' && read !== undefined && isFit(read.account)) {
    return provenBy(read, config, verdict, [
      first,
      ...(verdict.second === undefined ? [] : [verdict.second]),
    ]);
  }
  makeUp(rooms.derive, rooms.decoy, work, call.clock.now());
  await refuse(rooms, call, first, other, verdict.kind === 'wrong-second');
  if (read !== undefined) onRefusal(read.account);
  throw refused();
}

/** One answer for everything that is wrong. */
export function refused(): CofferError {
  return new CofferError('invalid_request', 'invalid account or code');
}

/** All that is known of both, as one snapshot. */
async function readParties({ lockout }: TotpRooms, { view }: ProofCall, { first, second }: Shown) {
  const own = partyPaths(lockout, first);
  const others = second === undefined ? [] : partyPaths(lockout, second);
  const [config, ...sealed] = await view.readMany([configPath, ...own, ...others]);
  return {
    config: decodeConfig(config),
    first: partyOf(first, own, sealed.slice(0, own.length)),
    second: second === undefined ? undefined : partyOf(second, others, sealed.slice(own.length)),
  };
}

interface Witness {
  readonly party: Party;
  readonly standing: Standing;
}

async function witnessOf({ lockout }: TotpRooms, call: ProofCall, party: Party): Promise<Witness> {
  return { party, standing: await standingOf(lockout, call.view, party, call.remoteAddress) };
}

/** Looks at all that was shown before it says anything of it. */
async function verdictOf(
  rooms: TotpRooms,
  { clock }: ProofCall,
  shown: Shown,
  { party: first }: Witness,
  second: Witness | undefined,
): Promise<{ readonly verdict: Verdict; readonly work: readonly Matches[] }> {
  const { derive } = rooms;
  const seconds = shown.secondCode === undefined ? [] : [shown.secondCode];
  const now = clock.now();
  const own = matchesOf(derive, first.devices, [shown.code, ...seconds], now);
  const isOther = await isSomebodyElse(rooms, shown);
  if (second === undefined) return { verdict: weigh(shown, first, own.found, undefined), work: [own] };
  const theirs = matchesOf(derive, second.party.devices, seconds, now);
  const other = { ...second, matches: theirs.found[0] ?? [], isOther };
  return { verdict: weigh(shown, first, own.found, other), work: [own, theirs] };
}

/**
 * Whether the two names are two persons: not one entity, by whatever aliases it came to be one. Asked whenever two names were sent, so
 * that an answer does not take longer for some of them.
 */
async function isSomebodyElse({ environment }: TotpRooms, { first, second }: Shown): Promise<boolean> {
  if (second === undefined) return false;
  const [one, other] = await Promise.all(
    [first, second].map((name) => environment.entityOf?.(fullName(name))),
  );
  return other === undefined || (!other.disabled && one?.id !== other.id);
}

/** A second person, and which of their devices showed a code. */
interface Approval extends Witness {
  readonly matches: readonly Match[];
}

type Verdict =
  | {
      readonly kind: 'right';
      /** Of the account. All devices that the codes are of: a code must not be good once more by way of another. */
      readonly own: readonly Match[];
      readonly second: Approval | undefined;
    }
  | { readonly kind: 'wrong' }
  /** All was right but the second person's code: that is a guess at theirs. */
  | { readonly kind: 'wrong-second' };

const wrong: Verdict = { kind: 'wrong' };

function weigh(
  { code, secondCode }: Shown,
  { read }: Party,
  own: readonly (readonly Match[])[],
  other: (Approval & { readonly isOther: boolean }) | undefined,
): Verdict {
  const [first = [], again = []] = own;
  const account = read?.account;
  if (account === undefined || account.disabled || first.length === 0) return wrong;
  switch (account.second) {
    case '':
      return { kind: 'right', own: first, second: undefined };
    case 'device': {
      const isPair = first.some((one) => again.some((two) => one.device !== two.device));
      if (code === secondCode || !isPair || other !== undefined) return wrong;
      return { kind: 'right', own: latest([...first, ...again]), second: undefined };
    }
    case 'person': {
      const witness = other?.party.read?.account;
      if (other === undefined || witness === undefined || secondCode === undefined) return wrong;
      if (!other.isOther || witness.disabled || !account.authorizers.includes(witness.account)) return wrong;
      const isGood = code !== secondCode && other.matches.length > 0 && other.standing.kind === 'open';
      return isGood ? { kind: 'right', own: first, second: other } : { kind: 'wrong-second' };
    }
  }
}

/** Each device once, with the later of its steps. */
function latest(matches: readonly Match[]): readonly Match[] {
  const byDevice = new Map<Match['device'], Match>();
  for (const match of matches) {
    const known = byDevice.get(match.device);
    if (known === undefined || known.step < match.step) byDevice.set(match.device, match);
  }
  return [...byDevice.values()];
}

function provenBy(
  read: ReadAccount,
  config: MountConfig,
  { own, second }: Extract<Verdict, { kind: 'right' }>,
  parties: readonly Witness[],
): Proven {
  const changes = parties.flatMap(({ standing }) =>
    standing.kind === 'open' ? [standing.attempt.succeeded()] : [],
  );
  const used = [
    ...own.map((match) => usedUp(read.account, match)),
    ...(second === undefined ? [] : second.matches.map((match) => usedUp(second.party.name, match))),
  ];
  return {
    read,
    config,
    devices: own,
    approvedBy: second?.party.name.account,
    writes: [...changes.flatMap(({ writes }) => writes), ...used.map(({ write }) => write)],
    expectations: [
      ...changes.flatMap(({ expectations }) => expectations),
      ...used.map(({ expectation }) => expectation),
    ],
  };
}

function usedUp(name: AccountName, { device, step }: Match) {
  const path = devicePath(name, device.entry.slot);
  return {
    write: { path, value: encodeDevice({ ...device.record, lastStep: step }) },
    expectation: { path, revision: device.revision },
  };
}

/** Counts a refusal, in one commit that is as large whoever it is about. Throws for a name that has no account. */
async function refuse(
  { lockout }: TotpRooms,
  { view }: ProofCall,
  first: Witness,
  second: Witness | undefined,
  blamesSecond: boolean,
): Promise<void> {
  if (lockout.counts) {
    const changes = [
      refusalOf(first.party, first.standing, true, 0),
      ...(second === undefined ? [] : [refusalOf(second.party, second.standing, blamesSecond, 1)]),
    ];
    await view.commit(
      changes.flatMap(({ writes }) => writes),
      changes.flatMap(({ expectations }) => expectations),
    );
  }
  if (first.standing.kind === 'nobody') await first.standing.attempt.failed(refused());
}

/** Devices as tokens remember them, for their renewal. */
export function rememberedDevices(devices: readonly Match[]): JsonObject {
  return { devices: devices.map(({ device }) => device.entry.uid) };
}

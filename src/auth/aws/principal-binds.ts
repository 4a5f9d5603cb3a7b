/**
 * Whether a caller is one that a role is bound to, and by which name others know it. STS leaves a role's path out, so where the path
 * counts IAM is asked, and is believed only about the very principal that signed: of the same account and with the same unique id.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { Answers } from './answers.ts';
import { canonicalArn, matchesArn, type PrincipalArn, parseArn } from './arn.ts';
import type { CallerIdentity } from './caller-identity.ts';
import type { AwsQuestions } from './questions.ts';
import type { AwsRole } from './role.ts';

/** Milliseconds. Where a path is not to be learned, it is asked for again sooner. */
const goodFor = 60_000;
const mostPaths = 20_000;

/** ARNs with their paths. Each is of one account and one unique id, which AWS gives once, so no answer can be taken for another's. */
export class FullArns {
  readonly #known: Answers<string | undefined>;

  constructor(clock: Clock) {
    this.#known = new Answers(clock, { goodFor: () => goodFor, most: mostPaths });
  }

  /** Undefined where nobody here may ask IAM. Rejects with `permission_denied`, or `AwsError`. */
  async of(
    { arn, principal, uniqueId }: CallerIdentity,
    questions: AwsQuestions,
  ): Promise<string | undefined> {
    // What is no role has its path already.
    if (principal.kind !== 'assumed-role') return arn;
    const role = parseArn(canonicalArn(principal));
    if (role === undefined) return undefined;
    const about = [role.partition, role.account, role.name, uniqueId].join('\0');
    const known = this.#known.get(about);
    if (known !== undefined) return known.value;
    const full = await fullArnOf(role, uniqueId, questions);
    this.#known.set(about, full);
    return full;
  }
}

async function fullArnOf(
  role: PrincipalArn,
  uniqueId: string,
  questions: AwsQuestions,
): Promise<string | undefined> {
  try {
    const found = await questions.principal(role);
    const parsed = parseArn(found.arn);
    const same =
      parsed?.kind === 'role' &&
      parsed.partition === role.partition &&
      parsed.account === role.account &&
      parsed.name === role.name;
    if (same && found.uniqueId === uniqueId) return found.arn;
    throw refused('IAM knows another principal by the name of the caller');
  } catch (error) {
    if (error instanceof AwsError && error.reason === 'not-found')
      throw refused('IAM does not know the caller any more');
    if (error instanceof AwsError && (error.reason === 'denied' || error.reason === 'no-credentials'))
      return undefined;
    // The account is not the one that is asked, and config/sts names no role of it.
    if (error instanceof CofferError && error.code === 'not_found') return undefined;
    throw error;
  }
}

export interface Bound {
  /** With its path, as far as that had to be known. */
  readonly fullArn: string | undefined;
}

/** Rejects with `permission_denied` where no bind holds, or with `AwsError`. */
export async function checkPrincipal(
  role: AwsRole,
  identity: CallerIdentity,
  fullArn: () => Promise<string | undefined>,
): Promise<Bound> {
  const { principals, resolveUniqueIds } = role;
  if (principals.length === 0 && role.inferredEntity !== '') return { fullArn: undefined };
  const byId = principals.find(({ uniqueId }) => uniqueId !== undefined && uniqueId === identity.uniqueId);
  // IAM said of the bound ARN that it has this id, and the path of a role never changes.
  if (byId !== undefined && sameAccount(byId.arn, identity)) return { fullArn: byId.arn };
  const byName = principals.filter(
    (bind) => bind.uniqueId === undefined && sameAccount(bind.arn, identity) && !needsId(bind.arn, role),
  );
  if (byName.some(({ arn }) => matchesArn(arn, identity.arn))) return { fullArn: undefined };
  const canonical = canonicalArn(identity.principal);
  const named = byName.filter(({ arn }) => arn === canonical);
  if (!resolveUniqueIds && named.some(({ pathToo }) => pathToo !== true)) return { fullArn: undefined };
  // Only what may yet hold is worth a question.
  if (!byName.some(({ arn }) => arn.includes(':iam:'))) throw unbound();
  const full = await fullArn();
  if (full === undefined) throw refused('IAM has to be asked for the path of the caller, and may not be');
  if (!byName.some(({ arn }) => matchesArn(arn, full))) throw unbound();
  return { fullArn: full };
}

/** An exact bind of a role that goes by unique ids and has none: it was written before, and has to be written again. */
function needsId(arn: string, { resolveUniqueIds }: AwsRole): boolean {
  const kind = arn.endsWith('*') ? undefined : parseArn(arn)?.kind;
  return resolveUniqueIds && (kind === 'role' || kind === 'user');
}

/** Every bind has partition and account in full. */
function sameAccount(bind: string, { principal }: CallerIdentity): boolean {
  const [, partition, , , account] = bind.split(':');
  return partition === principal.partition && account === principal.account;
}

function unbound(): CofferError {
  return refused('the caller is not as bound_iam_principal_arn says');
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}

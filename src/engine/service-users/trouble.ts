/** What fails: kept in the state with its reason and since when, told once, and gone once it works again. */
import { asCofferError, CofferError } from '../../errors.ts';
import { credentialKinds } from './documents.ts';
import { GaveWay } from './gate.ts';
import type { Look } from './look.ts';
import { isFrozen, providerSubject } from './plan.ts';
import type { Problem } from './state.ts';
import { withKind } from './steps.ts';
import { overdueAt } from './timetable.ts';

export interface Failure {
  readonly error: CofferError;
  /** Milliseconds, where the subject is left alone for others' sake or its own wish: that is no failed try. */
  readonly pause: number | undefined;
}

const longestMessage = 500;

export function failureOf(thrown: unknown): Failure {
  const error = asCofferError(thrown);
  return { error, pause: error instanceof GaveWay ? error.pause : undefined };
}

/** The problems as they are after this look: the same list where they are the same. People are told of those that are new. */
export async function noteFailures(
  look: Look,
  failures: ReadonlyMap<string, Failure>,
  worked: ReadonlySet<string>,
): Promise<readonly Problem[]> {
  const { problems } = look.state;
  const places = placesOf(look);
  const kept = problems.filter((problem) => {
    const subject = problem.target ?? providerSubject;
    return (
      !failures.has(subject) && !worked.has(subject) && (problem.target === undefined || places.has(subject))
    );
  });
  const met: Problem[] = [];
  for (const [subject, failure] of failures) {
    const before = problems.find(({ target = providerSubject }) => target === subject);
    met.push(await problemOf(look, subject, failure, before));
  }
  return met.length === 0 && kept.length === problems.length ? problems : [...kept, ...met];
}

function placesOf({ application, state }: Look): ReadonlySet<string> {
  return new Set([...application.targets, ...state.places].map(({ address }) => address));
}

async function problemOf(
  look: Look,
  subject: string,
  { error, pause }: Failure,
  before: Problem | undefined,
): Promise<Problem> {
  const problem: Problem = {
    code: error.code,
    message: error.message.slice(0, longestMessage),
    ...(subject === providerSubject ? {} : { target: subject }),
    since: before?.since ?? look.now,
    told: pause === undefined || before?.told === true,
  };
  if (pause !== undefined) return problem;
  look.count('rotation_failed');
  if (before?.told === true) return problem;
  const where = subject === providerSubject ? `provider ${look.application.provider}` : subject;
  look.tell('failed', { detail: `${where}: ${problem.message}` });
  await post(look, 'rotation.failed', `Rotation of the credentials of ${look.id} fails`, {
    at: where,
    code: problem.code,
    reason: problem.message,
  });
  return problem;
}

/** Rotation does not depend on anybody's being told of it: a full outbox holds up nothing. */
export async function post(
  look: Look,
  kind: string,
  subject: string,
  fields: Readonly<Record<string, string>>,
): Promise<void> {
  const { notices, mountPath } = look.parts.environment;
  try {
    await notices?.post({ kind, subject, fields: { mount: mountPath, application: look.id, ...fields } });
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'unavailable') throw error;
  }
}

/** Tells once of each credential that is older than it should ever be. */
export async function noteOverdue(look: Look): Promise<void> {
  const { scene, application, settings, now } = look;
  if (!application.active || application.deleted || application.targets.length === 0) return;
  for (const of of credentialKinds) {
    const kind = scene.state.kinds[of];
    const at = overdueAt(of, kind, application, settings);
    if (kind.ends === null || at === null || now < at || isFrozen(scene, of)) continue;
    look.become(withKind(look.state, of, () => ({ overdueTold: true })));
    look.count('credential_overdue');
    await post(look, 'rotation.overdue', `The ${of} of ${look.id} is overdue for rotation`, {
      kind: of,
      rotated: new Date(kind.rotatedAt ?? 0).toISOString(),
    });
  }
}

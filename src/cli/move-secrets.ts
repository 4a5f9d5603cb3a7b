/** Moves, copies, deletes and restores as the verbs ask for them: asking first, following the job, telling what came of it. */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { confirmed } from './confirm.ts';
import { openProgress } from './progress.ts';
import type { JobStatus, MoveOrder, MoveOutcome, SecretSafe } from './secret-safe.ts';
import type { Shell } from './shell.ts';

/** Milliseconds between questions about a job: soon at first, then less and less often. */
const firstPause = 100;
const longestPause = 2_000;

const past = { move: 'moved', copy: 'copied', delete: 'deleted', restore: 'restored' } as const;

/**
 * @param yes somebody has said so already
 * @throws `unsupported_operation` where the safe cannot; what the job failed with
 */
export async function moveSecrets(
  shell: Shell,
  safe: Pick<SecretSafe, 'title' | 'mover'>,
  order: MoveOrder,
  yes: boolean,
): Promise<void> {
  const { mover } = safe;
  if (mover === undefined)
    throw new CofferError('unsupported_operation', `${safe.title} cannot ${order.verb} secrets`);
  if (!order.dryRun && needsAsking(order)) {
    const what = order.forGood || order.overwrite ? 'this is for good' : 'this changes many secrets';
    await confirmed(shell, yes, `${question(order)}?`, what);
  }
  const result = await follow(shell, await mover.start(order));
  tell(shell, order, result);
}

/** One secret that goes to where nothing is can be moved back. */
function needsAsking({ verb, recursive, overwrite }: MoveOrder): boolean {
  return recursive || overwrite || verb === 'delete';
}

function question(order: MoveOrder): string {
  const { verb, from, recursive, overwrite, forGood } = order;
  const what = recursive ? `all secrets below ${shownFolder(from)}` : from;
  const where = goalText(order);
  const end = forGood ? ' with all their versions for good' : '';
  return `${verb} ${what}${where}${end}${overwrite ? ', replacing what is there for good' : ''}`;
}

function goalText({ to, at, recursive, elsewhere }: MoveOrder): string {
  if (at !== undefined) return ` as of ${new Date(at).toISOString()}`;
  const place = elsewhere === undefined ? '' : ` of ${elsewhere}`;
  return to === undefined ? '' : ` to ${recursive ? shownFolder(to) : to}${place}`;
}

function shownFolder(folder: string): string {
  return `${folder}/`;
}

async function follow(shell: Shell, outcome: MoveOutcome): Promise<JsonObject> {
  if (outcome.kind === 'done') return outcome.result;
  shell.ui.talk(`job ${outcome.id}; it goes on when this command is interrupted`);
  const progress = openProgress(shell);
  try {
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      const status = await outcome.status();
      progress.show(status.done, status.total);
      if (status.status !== 'running') return ended(status);
      await shell.pause(pause);
    }
  } finally {
    progress.close();
  }
}

function ended({ status, problem, result }: JobStatus): JsonObject {
  if (status === 'done') return result;
  const why = problem === undefined ? '' : `: ${problem}`;
  throw new CofferError('conflict', `the job ${status === 'failed' ? 'failed' : 'was cancelled'}${why}`);
}

function tell(shell: Shell, order: MoveOrder, result: JsonObject): void {
  const { verb, from, to, at, recursive, dryRun } = order;
  const count = result[past[verb]];
  const source = recursive ? shownFolder(from) : from;
  const what =
    recursive && typeof count === 'number' ? `${count} ${count === 1 ? 'secret' : 'secrets'} ` : '';
  const goal = goalText(order);
  shell.ui.done(`${source}: ${what}${dryRun ? 'would be ' : ''}${past[verb]}${goal}`, {
    verb,
    from,
    ...(to === undefined ? {} : { to }),
    ...(at === undefined ? {} : { at: new Date(at).toISOString() }),
    dry_run: dryRun,
    result,
  });
  tellSkipped(shell, order, result);
}

/** What was left as it is, by name and reason. Throws `conflict`: what was asked for is not all done. */
function tellSkipped(shell: Shell, { dryRun }: MoveOrder, result: JsonObject): void {
  const skipped = typeof result['skipped'] === 'number' ? result['skipped'] : 0;
  if (skipped === 0) return;
  const paths = Array.isArray(result['skipped_paths']) ? result['skipped_paths'] : [];
  for (const entry of paths) {
    if (isJsonObject(entry)) shell.ui.talk(`${String(entry['path'])}: ${String(entry['reason'])}`);
  }
  const message =
    skipped === 1
      ? `one secret ${dryRun ? 'would be' : 'was'} left as it is`
      : `${skipped} secrets ${dryRun ? 'would be' : 'were'} left as they are`;
  if (dryRun) shell.ui.warn(message);
  else throw new CofferError('conflict', message);
}

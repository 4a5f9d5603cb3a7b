/**
 * From kv version 1 to version 2. The commit that changes the mount's option also writes a mark into its view and an entry for the
 * duty. While the mark says `running`, version 2 refuses everything; the duty turns one plain value after the other into a secret
 * with one version, and says `done` at the end. What is turned is no longer among the plain values, so that it goes on wherever it
 * was cut off. Version 1 writes only where there is no mark: a request under way on another node loses nothing.
 */
import { retryOnConflict } from '../../core/retry.ts';
import { parseStored } from '../../core/stored-json.ts';
import type { DueEntry, View, ViewExpectation, ViewRecord, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { newSecret } from './metadata.ts';
import { decodePlain, plainFolder } from './plain.ts';
import { type EncodeSecret, isHeld } from './pointer.ts';
import { pointerPath, versionPath } from './secrets.ts';
import { VersionRows } from './version-rows.ts';

/** The mark, and the name of the duty's entry. */
export const upgradePath = 'upgrade';

/** Values turned before the duty goes about other things. */
const valuesAStep = 1_000;
/** Values a page and a commit: each is three writes and an expectation, and a page of the largest is still in memory. */
const valuesAPage = 10;
/** Bytes of values a commit. */
const bytesACommit = 280 * 1024;

interface Mark {
  readonly state: 'running' | 'done';
}

/** What the commit that changes the mount's version writes besides. */
export function beginUpgrade(): { readonly writes: readonly ViewWrite[]; readonly due: readonly DueEntry[] } {
  return {
    writes: [{ path: upgradePath, value: encodeMark('running') }],
    due: [{ at: 0, name: upgradePath }],
  };
}

/** What version 1 expects of each commit. */
export const notUpgraded: ViewExpectation = { path: upgradePath, revision: null };

/**
 * For a request of version 1 that found nothing: it may be under way since before the upgrade, and what it looked for be a secret of
 * version 2 by now. Throws `invalid_request` then.
 */
export async function checkNotUpgraded(view: View): Promise<void> {
  if ((await view.read(upgradePath)) !== undefined) throw upgrading();
}

/** Vault's text. */
export const upgradingText =
  'Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly.';

export function upgrading(): CofferError {
  return new CofferError('invalid_request', upgradingText);
}

/** Whether version 2 may serve: asked of the store until it once could, for a mount does not go back. */
export class UpgradeGate {
  #open = false;

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether it is a mount that was upgraded once. Throws `invalid_request` while it is being upgraded. */
  async check(view: View): Promise<'upgraded' | 'never'> {
    const state = await this.#look(view);
    if (!this.#open) throw upgrading();
    return state === undefined ? 'never' : 'upgraded';
  }

  /** Whether the mount is being upgraded, as the store says. */
  async isShut(view: View): Promise<boolean> {
    await this.#look(view);
    return !this.#open;
  }

  async #look(view: View): Promise<Mark['state'] | undefined> {
    const record = await view.read(upgradePath);
    const state = record && parseStored<Mark>(record.open()).state;
    this.#open = state !== 'running';
    return state;
  }
}

/** What new secrets are made with. */
interface Making {
  readonly random: Random;
  /** Milliseconds. */
  readonly now: number;
  readonly encode: EncodeSecret;
}

/** Duty: turns plain values into secrets, some now, and asks to be called again for the rest. */
export async function onUpgradeDue(view: View, making: Making): Promise<void> {
  for (let turned = 0; turned < valuesAStep; ) {
    const count = await retryOnConflict(() => turnPage(view, making));
    if (count === 0) return;
    turned += count;
  }
  // At a later second than the entry being handled, which is taken away after this.
  await view.commit([], [], [{ at: making.now + 1_000, name: upgradePath }]);
}

/** Turns some plain values in one commit. Answers how many; 0 when there is none left, or nothing to upgrade. */
async function turnPage(view: View, making: Making): Promise<number> {
  const mark = await view.read(upgradePath);
  if (mark === undefined || parseStored<Mark>(mark.open()).state === 'done') return 0;
  const { items } = await view.range(plainFolder, { limit: valuesAPage });
  const expectations: ViewExpectation[] = [{ path: upgradePath, revision: mark.revision }];
  if (items.length === 0) {
    await view.commit([{ path: upgradePath, value: encodeMark('done') }], expectations);
    return 0;
  }
  const writes: ViewWrite[] = [];
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    const plain = item.open();
    bytes += plain.length;
    if (count > 0 && bytes > bytesACommit) break;
    writes.push(...turned(item, plain, making));
    expectations.push({ path: item.path, revision: item.revision });
    count++;
  }
  await view.commit(writes, expectations);
  return count;
}

function turned({ path }: ViewRecord, plain: Buffer, { random, now, encode }: Making): readonly ViewWrite[] {
  const secret = newSecret(randomUuid(random), now);
  const value = decodePlain(plain);
  const upload = value.kind === 'large' ? { upload: value.upload } : {};
  const version = { createdAt: now, deletedAt: null, destroyed: false, endsByItself: false, ...upload };
  const held = value.kind === 'text' && isHeld(value.text) ? value.text : undefined;
  const pointer = encode({ ...secret, versions: VersionRows.empty.appended(version, 1) }, held);
  return [
    { path, value: null },
    { path: pointerPath(path.slice(plainFolder.length)), value: pointer },
    ...(value.kind === 'text' ? [{ path: versionPath(secret.id, 1), value: value.text }] : []),
  ];
}

function encodeMark(state: Mark['state']): Buffer {
  return Buffer.from(JSON.stringify({ v: 1, state }));
}

/** What is known of applications while a registry's answer is taken over. */
import type { Registered } from './kio.ts';

/** Active applications as they are registered here, by id. */
export type Known = Map<string, KnownApplication>;

export interface KnownApplication extends Registered {
  /** Milliseconds. */
  readonly createdAt: number;
}

/** Applications changed side by side: their commits share flushes. */
const atOnce = 8;

export async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: Math.min(atOnce, items.length) }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

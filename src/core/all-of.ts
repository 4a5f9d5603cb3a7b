/**
 * Waits for all, and then throws the first failure: nothing goes on in the back of whoever was told of it. `undefined` is nothing to
 * wait for.
 */
export async function allOf(work: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

import type { RootDatabase } from 'lmdb';

/**
 * Keeps the opening of a store and the commits of other processes apart. LMDB alone does not: a process that opens sets the
 * shared number of the newest transaction from what it read a moment before, and takes it back if a commit finished in
 * between; the next writer then writes over an acknowledged commit (OpenLDAP's ITS#9496, not mended in lmdb 3.5.6).
 *
 * The gate is a second, always empty LMDB environment of which only the write lock is used: it works between processes and
 * is freed by the kernel when its holder dies. A writer asks for it while it holds the store's own write lock, so writers
 * never wait for each other here, only for a process in the middle of opening (about a millisecond).
 */
export class Gate {
  readonly #environment: RootDatabase<Buffer, string>;

  constructor(environment: RootDatabase<Buffer, string>) {
    this.#environment = environment;
  }

  /** Runs `action` with the gate held; waits, blocking the thread, for a commit of another process to end. */
  run<T>(action: () => T): T {
    return this.#environment.transactionSync(action);
  }

  /** Takes the gate until the returned function is called. */
  hold(): () => void {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    void this.#environment.transactionSync(() => held);
    return release;
  }

  close(): Promise<void> {
    return this.#environment.close();
  }
}

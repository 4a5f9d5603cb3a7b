/** Group commit: callers that wait for the disk share one flush. */

/** A promise and what settles it. */
export class Deferred {
  readonly promise: Promise<void>;
  resolve: () => void = () => {};
  reject: (error: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

export class GroupSync {
  private readonly sync: () => Promise<void>;
  private running: Promise<void> | undefined;
  private next: Deferred | undefined;

  constructor(sync: () => Promise<void>) {
    this.sync = sync;
  }

  /** Settles with the first run of `sync` that begins after this call. Runs never overlap. */
  wait(): Promise<void> {
    if (this.running !== undefined) {
      this.next ??= new Deferred();
      return this.next.promise;
    }
    const run = this.sync();
    this.running = run.then(
      () => this.startNext(),
      () => this.startNext(),
    );
    return run;
  }

  /** Resolves when no run is under way; never rejects. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  private startNext(): void {
    this.running = undefined;
    const next = this.next;
    this.next = undefined;
    if (next) this.wait().then(next.resolve, next.reject);
  }
}

/** What a client knows of the secrets it wrote: what was acknowledged, and what may or may not have happened when it was cut off. */

/** The newest version of a secret as it should be read; `undefined` when there should be none. */
export type Expected = { readonly version: number; readonly value: string } | undefined;

interface Entry {
  acknowledged: Expected;
  /** A request under way whose answer has not come: afterwards either is right. */
  underway?: { readonly expected: Expected };
}

export class SecretLedger {
  readonly #entries = new Map<string, Entry>();

  /** Notes a change of one secret around the request that makes it; one at a time a name. */
  async change(name: string, expected: Expected, request: () => Promise<void>): Promise<void> {
    const entry = this.#entries.get(name) ?? { acknowledged: undefined };
    this.#entries.set(name, entry);
    entry.underway = { expected };
    await request();
    entry.acknowledged = expected;
    delete entry.underway;
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  newest(name: string): Expected {
    return this.#entries.get(name)?.acknowledged;
  }

  /** Secrets whose name must be listed. */
  get certain(): readonly string[] {
    return this.names.filter((name) => {
      const entry = this.#entries.get(name);
      return entry?.acknowledged !== undefined && entry.underway === undefined;
    });
  }

  /** Undefined when `found` is right; else what is wrong. What was uncertain is settled by it. */
  settle(name: string, found: Expected): string | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return found === undefined ? undefined : `${name} was never written`;
    const allowed = [entry.acknowledged, ...(entry.underway === undefined ? [] : [entry.underway.expected])];
    if (!allowed.some((expected) => same(expected, found))) {
      return `${name} should be ${allowed.map(show).join(' or ')}, but is ${show(found)}`;
    }
    entry.acknowledged = found;
    delete entry.underway;
    return undefined;
  }
}

function same(left: Expected, right: Expected): boolean {
  return left?.version === right?.version && left?.value === right?.value;
}

function show(expected: Expected): string {
  return expected === undefined ? 'absent' : `version ${expected.version} "${expected.value}"`;
}

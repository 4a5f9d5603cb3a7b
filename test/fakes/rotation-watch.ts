/** Looks, after everything that happens, whether anybody is without a credential that works. */
import type { Application } from '../../src/engine/service-users/application.ts';
import type { CredentialKind } from '../../src/service-user/provider.ts';
import type { Around } from './fake-provider.ts';
import type { RotationPlace } from './rotation-place.ts';

interface Shown {
  readonly kind: CredentialKind;
  readonly id: string;
  readonly secret: string | null;
}

interface Replaced extends Shown {
  readonly at: number;
}

const kinds = ['password', 'client'] as const;

/** What readers of a target would log in with. */
export function shownAt(place: RotationPlace, address: string, id: string): readonly Shown[] {
  const { user, client } = place.targets.shelf(address, id);
  const shown: Shown[] = [];
  if (user !== undefined) {
    const { application_username: name, application_password: secret } = JSON.parse(user) as Record<
      string,
      string
    >;
    shown.push({ kind: 'password', id: name ?? '', secret: secret ?? null });
  }
  if (client !== undefined) {
    const { client_id: name, client_secret: secret } = JSON.parse(client) as Record<string, string | null>;
    shown.push({ kind: 'client', id: name ?? '', secret: secret ?? null });
  }
  return shown;
}

export class RotationWatch {
  readonly #place: RotationPlace;
  readonly #id: string;
  readonly #overlap: number;
  readonly #replaced: Replaced[] = [];
  #before = new Map<string, readonly Shown[]>();
  readonly #excused = new Set<string>();
  #allowsDisabled = false;
  /** What was found, in words. */
  readonly found: string[] = [];

  /** @param overlap seconds that whoever read a credential has to read the next; 0 for none */
  constructor(place: RotationPlace, id: string, overlap: number) {
    this.#place = place;
    this.#id = id;
    this.#overlap = overlap;
  }

  /** Around the calls of a node. */
  readonly around: Around = async (name, effect) => {
    const answer = await effect();
    await this.look(name);
    return answer;
  };

  /** From now on it counts for nothing that a user is disabled whose application was, and is active again. */
  allowDisabled(): void {
    this.#allowsDisabled = true;
  }

  /** What does not work now, and cannot be expected to, is no news. */
  excuse(): void {
    for (const address of this.#place.targets.shelves.keys()) {
      for (const shown of shownAt(this.#place, address, this.#id)) this.#excused.add(textOf(shown));
    }
  }

  async look(after: string): Promise<void> {
    const { provider } = this.#place;
    const disabled = provider.users.get(`stups_${this.#id}`)?.disabled !== false;
    if (disabled && provider.traits.disablingLoses === true) this.excuse();
    const application = await this.#place.application(this.#id);
    if (application === undefined || !application.active || application.deleted) return;
    this.#followShelves();
    if (this.#allowsDisabled && disabled) return;
    this.#judge(application, after);
  }

  #followShelves(): void {
    const now = new Map<string, readonly Shown[]>();
    for (const address of this.#place.targets.shelves.keys()) {
      const shown = shownAt(this.#place, address, this.#id);
      now.set(address, shown);
      const kept = new Set(shown.map(textOf));
      for (const gone of this.#before.get(address) ?? []) {
        if (kept.has(textOf(gone)) || !this.#works(gone)) continue;
        this.#replaced.push({ ...gone, at: this.#place.clock.now() });
      }
    }
    this.#before = now;
  }

  #judge({ targets }: Application, after: string): void {
    for (const { address } of targets) {
      for (const shown of shownAt(this.#place, address, this.#id)) {
        if (!this.#works(shown) && !this.#excused.has(textOf(shown)))
          this.found.push(`after ${after}: the ${shown.kind} at ${address} is refused`);
      }
    }
    if (this.#overlap === 0) return;
    const since = this.#place.clock.now() - this.#overlap * 1_000;
    for (const gone of this.#replaced.filter(({ at }) => at > since)) {
      if (!this.#works(gone)) this.found.push(`after ${after}: a ${gone.kind} that was just read is refused`);
    }
  }

  #works({ kind, id, secret }: Shown): boolean {
    return this.#place.provider.accepts(kind, id, secret);
  }
}

function textOf({ kind, id, secret }: Shown): string {
  return `${kind} ${id} ${secret}`;
}

/** What is not as it should be once all is done for an active application, in words. */
export async function unfinished(place: RotationPlace, id: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  const application = await place.application(id);
  const state = await place.state(id);
  for (const kind of kinds) {
    const { step, staged, current, old, stray } = state.kinds[kind];
    if (step !== 'idle' || staged !== null || old.length > 0 || stray !== 0) {
      wrong.push(`the ${kind} is ${step}, with ${old.length} old and ${stray} stray`);
    }
    const held = place.provider.held(`stups_${id}`, kind);
    if (held.length !== 1 || held[0]?.secret !== current?.secret)
      wrong.push(`${held.length} of ${kind} at the provider`);
  }
  for (const [address, shelves] of place.targets.shelves) {
    const wanted = application?.targets.some((target) => target.address === address);
    if (!wanted && shelves.has(id)) wrong.push(`${address} was not emptied`);
  }
  for (const { address } of application?.targets ?? []) {
    const shown = shownAt(place, address, id);
    const good = shown.filter(({ kind, id: name, secret }) => place.provider.accepts(kind, name, secret));
    if (shown.length !== 2 || good.length !== 2)
      wrong.push(`${address} has ${good.length} that work of ${shown.length}`);
  }
  for (const { message, target = 'the provider' } of state.problems) wrong.push(`${target}: ${message}`);
  return wrong;
}

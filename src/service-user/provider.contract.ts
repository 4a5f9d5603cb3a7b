/**
 * What every kind of provider does, wherever its users are. Credentials are tried at the other side itself, by `works`, and not only by what the provider
 * says of them.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asCofferError } from '../errors.ts';
import type {
  Credential,
  CredentialKind,
  ListedUser,
  OpenProvider,
  ProviderTraits,
  ProviderTurn,
  ServiceUser,
} from './provider.ts';

export interface ProviderPlace {
  /** Opens the same provider once more, as another node does. */
  open(): OpenProvider;
  readonly turn: ProviderTurn;
  /** Whether the other side takes it from an application now. */
  works(user: ServiceUser, credential: Credential): Promise<boolean>;
  /** Lets the time pass that the other side takes to end what a commit ends; absent where that is at once. */
  settle?(): Promise<void> | void;
  close(): Promise<void>;
}

/** What a kind does not do, each with the reason in words. */
export interface ProviderSkips {
  /** `verify` answers nothing but `unknown`. */
  readonly verify?: string;
  /** Staged credentials that nobody knows can't be ended before the next commit. */
  readonly orphans?: string;
  /** A disabled user is not told from one that is gone. */
  readonly disabled?: string;
}

let made = 0;

export function serviceUser(fields: Partial<ServiceUser> = {}): ServiceUser {
  made += 1;
  const application = fields.application ?? `shop-${made}-${randomBytes(3).toString('hex')}`;
  return {
    username: `stups_${application}`,
    application,
    name: 'The “Größe” shop 鍵',
    subtitle: '',
    team: 'web',
    scopes: [],
    confidential: true,
    redirectUrl: null,
    ...fields,
  };
}

/** @param place made once for all tests of the kind */
export function describeProvider(
  name: string,
  place: () => Promise<ProviderPlace>,
  traits: ProviderTraits,
  skips: ProviderSkips = {},
): void {
  describe(`${name}, as every provider,`, () => {
    const suite = new Suite(place);
    beforeAll(() => suite.open());
    afterAll(() => suite.close());
    userTests(suite, traits, skips);
    for (const kind of ['password', 'client'] as const) {
      if (traits.kinds[kind] !== undefined)
        describe(`with a ${kind}`, () => kindTests(suite, kind, traits, skips));
    }
  });
}

class Suite {
  readonly #make: () => Promise<ProviderPlace>;
  #place: ProviderPlace | undefined;
  #provider: OpenProvider | undefined;

  constructor(make: () => Promise<ProviderPlace>) {
    this.#make = make;
  }

  async open(): Promise<void> {
    this.#place = await this.#make();
    this.#provider = this.#place.open();
  }

  async close(): Promise<void> {
    this.#provider?.close();
    await this.#place?.close();
  }

  get place(): ProviderPlace {
    if (this.#place === undefined) throw new Error('not open');
    return this.#place;
  }

  get provider(): OpenProvider {
    if (this.#provider === undefined) throw new Error('not open');
    return this.#provider;
  }

  get turn(): ProviderTurn {
    return this.place.turn;
  }

  works(user: ServiceUser, credential: Credential): Promise<boolean> {
    return this.place.works(user, credential);
  }

  async user(fields: Partial<ServiceUser> = {}): Promise<ServiceUser> {
    const user = serviceUser(fields);
    await this.provider.ensure(user, this.turn);
    return user;
  }

  stage(
    user: ServiceUser,
    kind: CredentialKind,
    generation: number,
    current?: Credential,
    proposed = randomBytes(24).toString('base64url'),
  ): Promise<Credential> {
    return this.provider.stage(user, { kind, generation, proposed, current }, this.turn);
  }

  /** A whole rotation. */
  async rotate(user: ServiceUser, kind: CredentialKind, current?: Credential): Promise<Credential> {
    const staged = await this.stage(user, kind, (current?.generation ?? 0) + 1, current);
    await this.provider.commit(user, staged, this.turn);
    await this.place.settle?.();
    await this.provider.retireOthers(user, kind, [staged], this.turn);
    return staged;
  }

  async list(prefix: string): Promise<readonly ListedUser[]> {
    const users: ListedUser[] = [];
    let after: string | undefined;
    do {
      const page = await this.provider.list(prefix, after, this.turn);
      users.push(...page.users);
      after = page.next;
    } while (after !== undefined);
    return users;
  }
}

function userTests(suite: Suite, traits: ProviderTraits, skips: ProviderSkips): void {
  const kinds = (['password', 'client'] as const).filter((kind) => traits.kinds[kind] !== undefined);

  it('has the traits that it is tested by', () => {
    expect(suite.provider.traits).toEqual(traits);
    expect(suite.provider.concurrency).toBeGreaterThan(0);
  });

  it('makes a user once, and lists it', async () => {
    const user = await suite.user();
    await suite.provider.ensure({ ...user, name: 'another name', team: '' }, suite.turn);
    expect(await suite.list(user.username)).toEqual([{ username: user.username, disabled: false }]);
    expect(await suite.list(`${user.username}x`)).toEqual([]);
  });

  it('lists every user of a prefix once, and no other', async () => {
    const prefix = `many-${randomBytes(3).toString('hex')}-`;
    const users = await Promise.all(
      ['c', 'a', 'b', 'a-b'].map((end) => suite.user({ username: prefix + end })),
    );
    await suite.user();
    expect((await suite.list(prefix)).map(({ username }) => username).toSorted()).toEqual(
      users.map(({ username }) => username).toSorted(),
    );
  });

  it('ends users with all they have, twice, and those that never were', async () => {
    const user = await suite.user();
    const held = [];
    for (const kind of kinds) held.push(await suite.rotate(user, kind));
    await suite.provider.delete(user.username, suite.turn);
    await suite.provider.delete(user.username, suite.turn);
    for (const credential of held) expect(await suite.works(user, credential)).toBe(false);
    expect(await suite.list(user.username)).toEqual([]);
    await suite.provider.disable(user.username, suite.turn);
    await suite.provider.delete(serviceUser().username, suite.turn);
    await suite.provider.disable(serviceUser().username, suite.turn);
  });

  it('disables users, and enables them again', async () => {
    const user = await suite.user();
    const held = [];
    for (const kind of kinds) held.push(await suite.rotate(user, kind));
    await suite.provider.disable(user.username, suite.turn);
    await suite.provider.disable(user.username, suite.turn);
    for (const credential of held) expect(await suite.works(user, credential)).toBe(false);
    if (skips.disabled === undefined) {
      expect(await suite.list(user.username)).toEqual([{ username: user.username, disabled: true }]);
    }
    await suite.provider.ensure(user, suite.turn);
    await suite.provider.ensure(user, suite.turn);
    expect(await suite.list(user.username)).toEqual([{ username: user.username, disabled: false }]);
    for (const credential of held) {
      expect(await suite.works(user, credential)).toBe(traits.disablingLoses !== true);
      const next = await suite.rotate(user, credential.kind, credential);
      expect(await suite.works(user, next)).toBe(true);
    }
  });

  it('works for users side by side', async () => {
    const users = await Promise.all(Array.from({ length: 4 }, () => suite.user()));
    const [kind = 'password'] = kinds;
    const held = await Promise.all(users.map((user) => suite.rotate(user, kind)));
    for (const [at, user] of users.entries()) {
      const credential = held[at];
      expect(credential !== undefined && (await suite.works(user, credential))).toBe(true);
    }
  });

  it('ends its calls with their turn', async () => {
    const user = await suite.user();
    const over = { ...suite.turn, signal: AbortSignal.abort() };
    const error = await suite.provider.ensure(user, over).catch((thrown: unknown) => thrown);
    expect(asCofferError(error).code).toBe('unavailable');
  });

  it('answers also once it is closed', async () => {
    const provider = suite.place.open();
    provider.close();
    const user = serviceUser();
    await provider.ensure(user, suite.turn);
    expect(await suite.list(user.username)).toHaveLength(1);
    provider.close();
  });
}

function kindTests(suite: Suite, kind: CredentialKind, traits: ProviderTraits, skips: ProviderSkips): void {
  const endsAt = traits.kinds[kind]?.oldEndsAt;

  it('stages one that is good beside the one that is', async () => {
    const user = await suite.user();
    const first = await suite.rotate(user, kind);
    const second = await suite.stage(user, kind, 2, first);
    expect(second).toMatchObject({ kind, generation: 2 });
    expect(second.secret).not.toBe(first.secret);
    expect(second.secret?.length).toBeGreaterThan(15);
    expect(await suite.works(user, first)).toBe(true);
    expect(await suite.works(user, second)).toBe(true);
    // Nobody sees it in what is not called the secret.
    expect(JSON.stringify({ ...second, secret: null })).not.toContain(second.secret);
  });

  it('stages the same one again, as after a crash', async () => {
    const user = await suite.user();
    const first = await suite.rotate(user, kind);
    const proposed = randomBytes(24).toString('base64url');
    const another = suite.place.open();
    for (const provider of [suite.provider, another, another]) {
      const staging = { kind, generation: 2, proposed, current: first };
      const staged = await provider.stage(user, staging, suite.turn);
      expect(await suite.works(user, staged)).toBe(true);
      expect(await suite.works(user, first)).toBe(true);
    }
    another.close();
  });

  it('stages a first one again, as after a crash', async () => {
    const user = await suite.user();
    const proposed = randomBytes(24).toString('base64url');
    await suite.stage(user, kind, 1, undefined, proposed);
    await suite.stage(user, kind, 1, undefined, proposed);
    const staged = await suite.stage(user, kind, 1, undefined, proposed);
    await suite.provider.commit(user, staged, suite.turn);
    expect(await suite.works(user, staged)).toBe(true);
  });

  it('commits one twice, on whichever node', async () => {
    const user = await suite.user();
    const first = await suite.rotate(user, kind);
    const second = await suite.stage(user, kind, 2, first);
    const another = suite.place.open();
    await suite.provider.commit(user, second, suite.turn);
    await another.commit(user, second, suite.turn);
    another.close();
    expect(await suite.works(user, second)).toBe(true);
  });

  it(`ends old ones as it promises: at the ${endsAt}`, async () => {
    const user = await suite.user();
    const first = await suite.rotate(user, kind);
    const second = await suite.stage(user, kind, 2, first);
    await suite.provider.commit(user, second, suite.turn);
    if (endsAt === 'retire') expect(await suite.works(user, first)).toBe(true);
    await suite.place.settle?.();
    if (endsAt === 'commit') expect(await suite.works(user, first)).toBe(false);
    await suite.provider.retireOthers(user, kind, [second], suite.turn);
    await suite.provider.retireOthers(user, kind, [second], suite.turn);
    expect(await suite.works(user, first)).toBe(false);
    expect(await suite.works(user, second)).toBe(true);
  });

  it('keeps what it is told to keep', async () => {
    const user = await suite.user();
    const first = await suite.rotate(user, kind);
    const second = await suite.stage(user, kind, 2, first);
    await suite.provider.retireOthers(user, kind, [first, second], suite.turn);
    expect(await suite.works(user, first)).toBe(true);
    expect(await suite.works(user, second)).toBe(true);
  });

  it.skipIf(skips.orphans !== undefined)(
    `ends staged ones that nobody knows${because(skips.orphans)}`,
    async () => {
      const user = await suite.user();
      const first = await suite.rotate(user, kind);
      const lost = await suite.stage(user, kind, 2, first);
      await suite.provider.retireOthers(user, kind, [first], suite.turn);
      expect(await suite.works(user, lost)).toBe(false);
      expect(await suite.works(user, first)).toBe(true);
      await suite.provider.retireOthers(user, kind, [], suite.turn);
      expect(await suite.works(user, first)).toBe(false);
    },
  );

  it('goes on from one generation to the next', async () => {
    const user = await suite.user();
    let current: Credential | undefined;
    for (const generation of [1, 2, 3, 4]) {
      const before = current;
      current = await suite.rotate(user, kind, before);
      expect(current.generation).toBe(generation);
      expect(await suite.works(user, current)).toBe(true);
      if (before !== undefined) expect(await suite.works(user, before)).toBe(false);
    }
  });

  it.skipIf(skips.verify !== undefined)(
    `tells what is accepted from what is not${because(skips.verify)}`,
    async () => {
      const user = await suite.user();
      const first = await suite.rotate(user, kind);
      const second = await suite.stage(user, kind, 2, first);
      expect(await suite.provider.verify(user, first, suite.turn)).toBe('accepted');
      expect(await suite.provider.verify(user, second, suite.turn)).toBe('accepted');
      await suite.provider.commit(user, second, suite.turn);
      await suite.provider.retireOthers(user, kind, [second], suite.turn);
      expect(await suite.provider.verify(user, first, suite.turn)).toBe('refused');
      const wrong = { ...second, id: first.id, secret: randomBytes(24).toString('base64url') };
      expect(await suite.provider.verify(user, wrong, suite.turn)).toBe('refused');
    },
  );

  if (kind === 'client') {
    it('has public clients, which have no secret', async () => {
      const user = await suite.user({ confidential: false, redirectUrl: 'https://app.example.com/back' });
      const first = await suite.rotate(user, kind);
      expect(first).toMatchObject({ kind, generation: 1, secret: null, id: expect.any(String) });
      const again = await suite.rotate(user, kind, first);
      expect(again.secret).toBeNull();
      expect(await suite.provider.verify(user, again, suite.turn)).not.toBe('refused');
    });
  }

  it('revokes sessions of users that have some, and of those that have none', async () => {
    const user = await suite.user();
    const held = await suite.rotate(user, kind);
    await suite.provider.revokeSessions?.(user, suite.turn);
    await suite.provider.revokeSessions?.(user, suite.turn);
    expect(await suite.works(user, held)).toBe(true);
  });
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${reason})`;
}

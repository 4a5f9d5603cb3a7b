/** What every kind of notifier does, whoever it tells. */
import { expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Letter, NotifierSettings, NotifierType } from './notifier.ts';

export interface NotifierSubject {
  readonly type: NotifierType;
  /** Settings that are right here. */
  readonly settings: NotifierSettings;
  /** Ids of the letters that arrived since it was asked last, once there are so many. */
  arrived(count: number): Promise<readonly string[]>;
  /** From now on the other side answers that it does not take letters. */
  fail(): void;
  /** From now on it takes connections and says nothing. */
  hang(): void;
}

export function letter(fields: Partial<Letter> = {}): Letter {
  return {
    id: '1795311360000-abcdefghijklmnop',
    at: Date.UTC(2026, 10, 22, 1, 36),
    kind: 'credentials.refused',
    subject: 'Something was refused',
    fields: { display_name: 'ann', remote_address: '192.0.2.7' },
    ...fields,
  };
}

/** @param subject asked for in each test */
export function notifierContract(subject: () => NotifierSubject): void {
  it('resolves once a letter has arrived; the same one may be told again', async () => {
    const { type, settings, arrived } = subject();
    const notifier = type.open(settings, systemClock);
    await notifier.deliver(letter(), never());
    await notifier.deliver(letter(), never());
    expect(await arrived(2)).toEqual([letter().id, letter().id]);
    notifier.close();
  });

  it('tells many side by side, in whatever characters', async () => {
    const { type, settings, arrived } = subject();
    const notifier = type.open(settings, systemClock);
    const letters = Array.from({ length: 6 }, (_, at) =>
      letter({
        id: `179531136000${at}-abcdefghijklmnop`,
        subject: 'Größe “é” 鍵 🗝',
        fields: { a: '= . \\ " é 🗝' },
      }),
    );
    await Promise.all(letters.map((each) => notifier.deliver(each, never())));
    expect((await arrived(6)).toSorted()).toEqual(letters.map(({ id }) => id));
    notifier.close();
  });

  it('threat 16: rejects where a letter is not taken, without the secret and what the letter says', async () => {
    const { type, settings, fail } = subject();
    const notifier = type.open(settings, systemClock);
    fail();
    const error: unknown = await notifier.deliver(letter(), never()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CofferError);
    expect(asCofferError(error).code).toBe('unavailable');
    if (settings.secret !== '') expect(String(error)).not.toContain(settings.secret);
    expect(String(error)).not.toMatch(/ann|refused a/);
    notifier.close();
  });

  it('gives up when it is told to', async () => {
    const { type, settings, hang } = subject();
    const notifier = type.open(settings, systemClock);
    hang();
    const ending = new AbortController();
    const telling = notifier.deliver(letter(), ending.signal).catch((thrown: unknown) => thrown);
    setImmediate(() => ending.abort());
    expect(await telling).toBeInstanceOf(CofferError);
    notifier.close();
  });

  it('refuses an option that it does not know, and says which there are', () => {
    const { type, settings } = subject();
    const wrong = { ...settings, options: { ...settings.options, nonsense: '1' } };
    expect(() => type.open(wrong, systemClock)).toThrow(/no option "nonsense"; known are /);
  });
}

export function never(): AbortSignal {
  return new AbortController().signal;
}

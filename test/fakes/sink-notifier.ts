/** Somebody to be told, who remembers every letter and fails, hangs or refuses when a test says so. */
import { CofferError } from '../../src/errors.ts';
import { type Letter, type NotifierType, refuseOthers } from '../../src/notifier/notifier.ts';

export type SinkMood = 'accepts' | 'fails' | 'hangs';

export class Sinks {
  /** Accepted letters, by what the option `to` says. */
  readonly #letters = new Map<string, Letter[]>();
  readonly #moods = new Map<string, SinkMood | ((letter: Letter) => SinkMood)>();
  /** Calls of each, accepted or not. */
  readonly attempts = new Map<string, number>();
  /** Secrets that the notifiers were opened with. */
  readonly secrets: string[] = [];
  /** Awaited before a letter is accepted. */
  beforeAccept: ((letter: Letter) => Promise<void>) | undefined;

  set(to: string, mood: SinkMood | ((letter: Letter) => SinkMood)): void {
    this.#moods.set(to, mood);
  }

  letters(to: string): readonly Letter[] {
    return this.#letters.get(to) ?? [];
  }

  kinds(to: string): readonly string[] {
    return this.letters(to).map(({ kind }) => kind);
  }

  get type(): NotifierType {
    return {
      type: 'sink',
      summary: 'remembers letters',
      secret: 'anything',
      open: ({ options, secret }) => {
        refuseOthers(options, ['to']);
        const { to = '' } = options;
        if (to === 'nowhere') throw new CofferError('invalid_request', 'to must be somewhere');
        this.secrets.push(secret);
        return { deliver: (letter, signal) => this.#deliver(to, letter, signal), close: () => undefined };
      },
    };
  }

  async #deliver(to: string, letter: Letter, signal: AbortSignal): Promise<void> {
    this.attempts.set(to, (this.attempts.get(to) ?? 0) + 1);
    const said = this.#moods.get(to) ?? 'accepts';
    const mood = typeof said === 'string' ? said : said(letter);
    if (mood === 'fails') throw new CofferError('unavailable', 'the sink is full');
    if (mood === 'hangs') {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new CofferError('unavailable', 'the sink hung')));
      });
    }
    await this.beforeAccept?.(letter);
    this.#letters.set(to, [...this.letters(to), letter]);
  }
}

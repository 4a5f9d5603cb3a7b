/**
 * Statements and answers on one connection that is set up and logged in. The driver pg does that, and could do this: but it makes a
 * dozen objects a statement, sends each with a Sync of its own (which the server answers with a packet of its own), and takes rows only
 * as text, bytes as twice as many hexadecimal digits.
 *
 * Answers come in the order of what was sent, so any number may be under way.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
import { fieldsOf, framesOf, type RawRow, rowOf, type Step } from './messages.ts';

export interface WireOptions {
  readonly stream: Duplex;
  readonly clock: Clock;
  /** Milliseconds for an answer. */
  readonly deadline: number;
  /** Told the name of the server's own function that a notice comes from: its words come in the language of the server. */
  readonly notice: (routine: string) => void;
}

/** What one statement came to. */
export interface Result {
  /** The first word of what the server says it did. */
  readonly command: string;
  readonly rows: readonly RawRow[];
}

/** What the server refused; `code` is its SQLSTATE. */
class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: string;
  readonly severity: string;
  /** Whether it has undone what was under way and goes on; else the server ends the connection, whatever became of that. */
  readonly undone: boolean;

  constructor(fields: Readonly<Record<string, string>>) {
    super(fields['M'] ?? 'PostgreSQL refused a statement');
    this.code = fields['C'] ?? '';
    this.severity = fields['S'] ?? '';
    // The same word in no language.
    this.undone = fields['V'] === 'ERROR';
  }
}

/** Whether the server itself has said that nothing of an exchange lasts. */
export function hasUndone(error: unknown): boolean {
  return error instanceof ServerError && error.undone;
}

interface Exchange {
  /** How many. */
  readonly statements: number;
  readonly results: Result[];
  rows: RawRow[];
  error: Error | undefined;
  /** Names of statements that are being prepared with it, in order; empty for one that has none. */
  readonly preparing: string[];
  readonly timer: Disposable;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (reason: Error) => void;
}

const headBytes = 5;
/** A message holds a row, and a row one record: what is longer is no answer to anything asked here. */
const mostBytes = 4 * 1024 * 1024;

export class Wire {
  readonly #options: WireOptions;
  readonly #underWay: Exchange[] = [];
  /** Statements that the server was told. */
  readonly #told = new Set<string>();
  #rest: Buffer | undefined;
  #whenQuiet: (() => void) | undefined;

  constructor(options: WireOptions) {
    this.#options = options;
    options.stream.on('data', (chunk: Buffer) => this.#take(chunk));
    options.stream.on('close', () => this.#broke(new Error('the connection broke')));
  }

  /**
   * Sends statements under one Sync: unless one of them begins or ends a transaction they are one, which has ended when this resolves.
   * Rejects with the server's word, which has undone it, once the server has ended it too; or when the connection breaks or nothing
   * comes in time, and then the connection is gone.
   */
  exchange(steps: readonly Step[]): Promise<readonly Result[]> {
    const { stream, clock, deadline } = this.#options;
    return new Promise((resolve, reject) => {
      if (!stream.writable) {
        reject(new Error('the connection broke'));
        return;
      }
      const preparing: string[] = [];
      const parses = steps.map(({ statement: { name } }) => {
        if (name === undefined) return true;
        if (this.#told.has(name)) return false;
        this.#told.add(name);
        return true;
      });
      for (const [place, { statement }] of steps.entries())
        if (parses[place] === true) preparing.push(statement.name ?? '');
      const exchange: Exchange = {
        statements: steps.length,
        results: [],
        rows: [],
        error: undefined,
        preparing,
        timer: clock.after(deadline, () => {
          exchange.reject(new Error('Query read timeout'));
          stream.destroy();
        }),
        resolve,
        reject,
      };
      this.#underWay.push(exchange);
      stream.write(framesOf(steps, parses));
    });
  }

  /** Resolves when nothing is under way. */
  async quiet(): Promise<void> {
    if (this.#underWay.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenQuiet = resolve;
    });
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    try {
      while (at + headBytes <= bytes.length) {
        const length = bytes.readUInt32BE(at + 1);
        if (length > mostBytes) throw new Error('an answer that is too long');
        const end = at + 1 + length;
        if (end > bytes.length) break;
        this.#receive(bytes, bytes.readUInt8(at), at + headBytes, end);
        at = end;
      }
    } catch {
      // What cannot be read is no answer, and nothing behind it is.
      this.#options.stream.destroy();
      return;
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
  }

  #receive(bytes: Buffer, type: number, at: number, end: number): void {
    const exchange = this.#underWay[0];
    switch (String.fromCharCode(type)) {
      case 'D':
        exchange?.rows.push(rowOf(bytes, at));
        return;
      case 'C':
        exchange?.results.push({ command: commandOf(bytes, at, end), rows: exchange.rows });
        if (exchange !== undefined) exchange.rows = [];
        return;
      case 'Z':
        this.#ready();
        return;
      case '1':
        exchange?.preparing.shift();
        return;
      case 'E':
        // Nobody asked: it is why the server is about to end the connection.
        if (exchange === undefined) this.#options.stream.destroy();
        else exchange.error ??= new ServerError(fieldsOf(bytes, at, end));
        return;
      case 'N':
        this.#options.notice(fieldsOf(bytes, at, end)['R'] ?? '');
        return;
      // Bind complete, no data, settings and notifications.
      case '2':
      case 'n':
      case 'S':
      case 'A':
        return;
      default:
        throw new Error('an answer of another kind than was asked for');
    }
  }

  #ready(): void {
    const exchange = this.#underWay[0];
    if (exchange === undefined) throw new Error('an answer that nobody asked for');
    if (exchange.error === undefined && exchange.results.length !== exchange.statements) {
      throw new Error('an answer to another number of statements');
    }
    this.#underWay.shift();
    exchange.timer[Symbol.dispose]();
    if (exchange.error === undefined) exchange.resolve(exchange.results);
    else {
      const unprepared = exchange.preparing.filter((name) => name !== '');
      for (const name of unprepared) this.#told.delete(name);
      // What was sent behind it may rest on what was not prepared.
      if (unprepared.length > 0 && this.#underWay.length > 0) this.#options.stream.destroy();
      exchange.reject(exchange.error);
    }
    if (this.#underWay.length === 0) this.#whenQuiet?.();
  }

  #broke(reason: Error): void {
    for (const { timer, error, reject } of this.#underWay.splice(0)) {
      timer[Symbol.dispose]();
      reject(error ?? reason);
    }
    this.#whenQuiet?.();
  }
}

function commandOf(bytes: Buffer, at: number, end: number): string {
  const words = bytes.toString('latin1', at, end - 1);
  const space = words.indexOf(' ');
  return space < 0 ? words : words.slice(0, space);
}

/** Statements on one connection: against a server of a few lines for what a real one says once in a year, and against a real one. */
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { databasePlace } from '../../../test/setup/database-place.ts';
import { systemClock } from '../../clock.ts';
import { parsePostgresAddress } from './address.ts';
import { bytesArray, longArray, numberArray, numberOf, smallArray, textArray } from './messages.ts';
import { openSession, standardDeadlines } from './session.ts';
import { hasUndone, Wire } from './wire.ts';

/** The server's end of a connection: what was sent is kept, and what is said is said. */
class ServerEnd extends Duplex {
  readonly sent: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(chunk);
    done();
  }

  override _read(): void {}

  say(bytes: Buffer): void {
    this.push(bytes);
  }
}

function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const parsed = message('1');
const ready = message('Z', 'I');
const done = (words: string) => Buffer.concat([message('2'), message('C', `${words}\0`)]);
function row(...columns: readonly (Buffer | null)[]): Buffer {
  const parts = columns.flatMap((column) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(column?.length ?? -1);
    return [length, column ?? ''];
  });
  return message('D', Buffer.of(0, columns.length), ...parts);
}
const refused = (severity: string, code: string) => message('E', `SXXX\0V${severity}\0C${code}\0Mwords\0\0`);

function make() {
  const stream = new ServerEnd();
  const clock = new HandClock();
  const notices: string[] = [];
  const wire = new Wire({ stream, clock, deadline: 1_000, notice: (routine) => notices.push(routine) });
  return { stream, clock, notices, wire };
}

const step = (name?: string) => ({
  statement: name === undefined ? { text: 'x' } : { name, text: 'x' },
  values: [],
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a connection', () => {
  it('understands answers wherever the network cuts them', async () => {
    const answers = Buffer.concat([
      message('N', 'RSomeRoutine\0\0'),
      parsed,
      done('SELECT 2').subarray(0, 5),
      row(Buffer.from('one'), null),
      row(Buffer.from('two'), Buffer.alloc(0)),
      message('C', 'SELECT 2\0'),
      ready,
      parsed,
      done('COMMIT'),
      message('S', 'a\0b\0'),
      ready,
    ]);
    const cuts = fc.array(fc.integer({ min: 1, max: answers.length - 1 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const { stream, notices, wire } = make();
        const both = Promise.all([wire.exchange([step()]), wire.exchange([step()])]);
        const sorted = [0, ...places.toSorted((a, b) => a - b), answers.length];
        for (const [index, end] of sorted.slice(1).entries())
          stream.say(answers.subarray(sorted[index], end));
        const [first, second] = await both;
        const texts = first[0]?.rows.map((columns) => columns.map((each) => each?.toString()));
        expect(texts).toEqual([
          ['one', undefined],
          ['two', ''],
        ]);
        expect(second[0]?.command).toBe('COMMIT');
        expect(notices).toEqual(['SomeRoutine']);
      }),
      { numRuns: 50 },
    );
  });

  it('tells each exchange its own refusal, once the server has gone on', async () => {
    const { stream, wire } = make();
    const outcomes = Promise.allSettled([wire.exchange([step()]), wire.exchange([step()])]);
    stream.say(Buffer.concat([parsed, refused('ERROR', '40001'), ready, parsed, done('SELECT 0'), ready]));
    const [first, second] = await outcomes;
    expect(first).toMatchObject({ status: 'rejected', reason: { code: '40001' } });
    expect(second.status).toBe('fulfilled');
  });

  it('knows a refusal that has undone from one that only ends the connection', async () => {
    for (const [severity, undone] of [
      ['ERROR', true],
      ['FATAL', false],
      ['PANIC', false],
    ] as const) {
      const { stream, wire } = make();
      const outcome = wire.exchange([step()]).catch((error: unknown) => error);
      stream.say(refused(severity, '57P01'));
      await turn();
      stream.destroy();
      const error = await outcome;
      expect(error).toMatchObject({ code: '57P01' });
      expect(hasUndone(error)).toBe(undone);
    }
  });

  it('does not prepare a statement twice, and does again what the server did not get to', async () => {
    const { stream, wire } = make();
    const parses = () => stream.sent.map((frames) => frames.subarray(0, 1).toString()).join('');
    const first = wire.exchange([step('a')]);
    stream.say(Buffer.concat([parsed, done('SELECT 0'), ready]));
    await first;
    const second = wire.exchange([step('a'), step('b')]).catch(() => undefined);
    // The first of them fails, and what stands behind it is left out.
    stream.say(Buffer.concat([refused('ERROR', '55P03'), ready]));
    await second;
    void wire.exchange([step('b')]).catch(() => undefined);
    expect(parses()).toBe('PBP');
    stream.destroy();
  });

  it('ends where statements rest on one that was not prepared', async () => {
    const { stream, wire } = make();
    const outcomes = Promise.allSettled([wire.exchange([step('a')]), wire.exchange([step('a')])]);
    stream.say(Buffer.concat([refused('ERROR', '57014'), ready]));
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(stream.destroyed).toBe(true);
  });

  it.each([
    ['nothing comes in time', (clock: HandClock) => clock.advance(1)],
    ['what comes is no answer', (_: HandClock, stream: ServerEnd) => stream.say(message('G', 'x'))],
    [
      'an answer comes that nobody asked for',
      (_: HandClock, stream: ServerEnd) =>
        stream.say(Buffer.concat([parsed, done('SELECT 0'), ready, ready])),
    ],
    [
      'a message is longer than any',
      (_: HandClock, stream: ServerEnd) => stream.say(Buffer.from('D\x7f\xff\xff\xff', 'latin1')),
    ],
    [
      'the server says that it ends',
      (_: HandClock, stream: ServerEnd) => {
        stream.say(refused('FATAL', '57P01'));
        stream.push(null);
        stream.end();
      },
    ],
  ] as const)('ends when %s, and lets nobody wait', async (_, happen) => {
    const { stream, clock, wire } = make();
    const outcome = Promise.allSettled([wire.exchange([step()]), wire.exchange([step()])]);
    happen(clock, stream);
    await turn();
    await wire.quiet();
    expect((await outcome).map(({ status }) => status)).not.toEqual(['fulfilled', 'fulfilled']);
    expect(stream.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
    await expect(wire.exchange([step()])).rejects.toThrow('the connection broke');
  });
});

const place = await databasePlace('postgresql');
afterAll(() => place?.close());

describe.skipIf(place === undefined)('values', () => {
  it('arrive as they were sent', async () => {
    if (place === undefined) return;
    const { server, name, password } = place;
    const url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}`;
    const login = {
      address: parsePostgresAddress(url),
      env: {},
      deadlines: standardDeadlines,
      clock: systemClock,
    };
    const session = await openSession(login);
    const back = async (type: string, value: string | number | Buffer) =>
      (await session.ask({ text: `SELECT $1::${type}::text` }, [value])).rows[0]?.[0];
    try {
      expect(await back('bigint[]', numberArray([0, null, 2 ** 52 - 1, 2 ** 32]))).toBe(
        '{0,NULL,4503599627370495,4294967296}',
      );
      expect(
        await back(
          'bigint[]',
          longArray([
            { high: -1, low: 0xffff_fffe },
            { high: 1, low: 0 },
          ]),
        ),
      ).toBe('{-2,4294967296}');
      expect(await back('int[]', smallArray([1, -2]))).toBe('{1,-2}');
      expect(await back('text[]', textArray(['a', '"', '\\', 'ä,{}']))).toBe('{a,"\\"","\\\\","ä,{}"}');
      expect(await back('bytea[]', bytesArray(['ä', Buffer.alloc(0), Buffer.of(0, 255)]))).toBe(
        '{"\\\\xc3a4","\\\\x","\\\\x00ff"}',
      );
      for (const [type, empty] of [
        ['bytea', bytesArray([])],
        ['bigint', numberArray([])],
        ['int', smallArray([])],
      ] as const) {
        expect(await back(`${type}[]`, empty)).toBe('{}');
      }
      const [found] = await session.rows({ text: 'SELECT 4503599627370495::bigint', binary: true }, []);
      expect(numberOf(found?.[0])).toBe(2 ** 52 - 1);
    } finally {
      await session.close();
    }
  });
});

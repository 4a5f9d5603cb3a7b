/**
 * A kill can't tell a flush from none, because the kernel keeps what was written. So the system calls themselves are looked at:
 * what happens between the arrival of a request and the sending of its answer.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { need } from '../setup/need.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, freshPlace, startServer } from './server-process.ts';
import { readTrace, type SystemCall, tracedCalls } from './system-calls.ts';
import { openWire } from './wire.ts';

afterAll(cleanUp);

describe('between a request and its answer', () => {
  const place = freshPlace();
  let calls: readonly SystemCall[] | undefined;

  /** Traces a server that answers one write, one read, one denial and one login; once for all tests. */
  async function traced(context: TestContext): Promise<readonly SystemCall[]> {
    if (calls !== undefined) return calls;
    const file = join(place.home, 'trace');
    const strace = need(context, 'strace');
    const under = [strace, '-f', '-y', '-s', '200', '-e', `trace=${tracedCalls}`, '-o', file];
    const server = await startServer(place, { words: ['--init'], under });
    const wire = openWire(server.address, rootTokenOf(place));
    await wire.ask('PUT', 'secret/data/traced-write', { body: { data: { a: 'b' } } });
    await wire.ask('GET', 'secret/data/traced-read');
    await wire.ask('GET', 'secret/data/traced-denial', { token: 'wrong' });
    await wire.ask('POST', 'auth/token/create?traced-token', { body: { ttl: '1h' } });
    wire.close();
    // strace ends with the program that it runs; the program is its only child.
    const child = Number(readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim());
    process.kill(child, 'SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });
    calls = readTrace(file);
    return calls;
  }

  /** The calls from the arrival of the request that names `mark` until its answer begins to be sent. */
  function between(all: readonly SystemCall[], mark: string): readonly SystemCall[] {
    const arrival = all.find(
      ({ name, text }) => /^(read|recvfrom|recvmsg)$/.test(name) && text.includes(mark),
    );
    const answer = all.find(
      ({ name, descriptor, text, began }) =>
        /^(write|writev|sendto|sendmsg)$/.test(name) &&
        descriptor === arrival?.descriptor &&
        text.includes('HTTP/1.1 ') &&
        began > arrival.ended,
    );
    if (arrival === undefined || answer === undefined)
      throw new Error(`the trace has no exchange with ${mark}`);
    return all.filter(({ began, ended }) => began > arrival.ended && ended < answer.began);
  }

  const onData = ({ target }: SystemCall) => target === join(place.data, 'store', 'data.mdb');
  const onAudit = ({ target }: SystemCall) => /\/audit\/[^/]+\/\d+\.jsonl$/.test(target);
  const flushes = ({ name }: SystemCall) => /^(fsync|fdatasync|msync)$/.test(name);
  const writes = ({ name }: SystemCall) => /^(write|writev|pwrite64|pwritev)$/.test(name);

  /** Descriptors on which a write is itself a flush. */
  function synchronous(all: readonly SystemCall[]): ReadonlySet<number> {
    const opened = all.filter(
      (call) => call.name === 'openat' && onData(call) && /\|O_D?SYNC\b/.test(call.text),
    );
    return new Set(opened.map(({ descriptor }) => descriptor));
  }

  /** Pages written and flushed, and after them the page that makes them valid, itself flushed. */
  function expectCommit(all: readonly SystemCall[], exchange: readonly SystemCall[]): void {
    const pages = exchange.find((call) => onData(call) && writes(call));
    const flush = exchange.find(
      (call) => onData(call) && flushes(call) && call.began > (pages?.ended ?? Infinity),
    );
    const meta = exchange.filter(
      (call) =>
        onData(call) &&
        call.began > (flush?.ended ?? Infinity) &&
        ((writes(call) && synchronous(all).has(call.descriptor)) || flushes(call)),
    );
    expect([pages !== undefined, flush !== undefined, meta.length > 0], 'store').toEqual([true, true, true]);
  }

  function auditLines(exchange: readonly SystemCall[]): readonly SystemCall[] {
    return exchange.filter((call) => onAudit(call) && writes(call));
  }

  function expectFlushedAudit(exchange: readonly SystemCall[]): void {
    const last = auditLines(exchange).at(-1)?.ended ?? Infinity;
    expect(exchange.filter((call) => onAudit(call) && flushes(call) && call.began > last)).not.toEqual([]);
  }

  function expectAudit(exchange: readonly SystemCall[], mark: string): void {
    const lines = auditLines(exchange);
    const told = lines.map(({ text }) => text).join('');
    expect(told).toContain(mark);
    expect(told).toContain('\\"type\\":\\"request\\"');
  }

  it('a write is flushed to the store and to the audit log', async (context) => {
    const all = await traced(context);
    const exchange = between(all, 'traced-write');
    expectCommit(all, exchange);
    expectAudit(exchange, 'traced-write');
    expectFlushedAudit(exchange);
    // The line that says what was asked is with the kernel before anything is changed. A duty of the server's own may commit
    // between the arrival and that line, so what is asked for is a whole commit after it.
    const told = auditLines(exchange).find(({ text }) => text.includes('traced-write'));
    expectCommit(
      all,
      exchange.filter(({ began }) => began > (told?.ended ?? Infinity)),
    );
  });

  it('a new token is flushed to the store and to the audit log', async (context) => {
    const all = await traced(context);
    const exchange = between(all, 'traced-token');
    expectCommit(all, exchange);
    expectAudit(exchange, 'auth/token/create');
    expectFlushedAudit(exchange);
  });

  it('a read is written to the audit log', async (context) => {
    const all = await traced(context);
    expectAudit(between(all, 'traced-read'), 'traced-read');
  });

  it('a refusal is written to the audit log', async (context) => {
    const all = await traced(context);
    expectAudit(between(all, 'traced-denial'), 'traced-denial');
  });
});

import { afterEach, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import type { OpenDevice } from '../../audit-device/audit-device.ts';
import { CofferError } from '../../errors.ts';
import { mostWaiting, Shipper } from './shipper.ts';

/** A device that does what the test says. */
class Scripted {
  readonly lines: string[] = [];
  opened = 0;
  closed = 0;
  fails = false;
  /** Writes that wait to be let through. */
  readonly held: (() => void)[] = [];
  holds = false;

  async open(): Promise<OpenDevice> {
    this.opened++;
    if (this.fails) throw new CofferError('unavailable', 'not there');
    return {
      write: async (lines) => {
        if (this.holds) await new Promise<void>((resolve) => this.held.push(resolve));
        if (this.fails) throw new CofferError('unavailable', 'gone');
        this.lines.push(...lines);
      },
      close: async () => {
        this.closed++;
        for (const release of this.held.splice(0)) release();
      },
    };
  }
}

const clock = new HandClock();
const told: string[] = [];
const ended: Shipper[] = [];
afterEach(async () => {
  told.length = 0;
  for (const shipper of ended.splice(0)) await shipper.close();
});

function ship(device: Scripted): Shipper {
  const shipper = new Shipper({
    clock,
    open: () => device.open(),
    line: ({ entry }) => JSON.stringify(entry),
    tell: (what) => void told.push(what),
  });
  ended.push(shipper);
  return shipper;
}

function offer(shipper: Shipper, n: number): void {
  shipper.offer({ at: clock.now(), entry: { type: 'event', n }, request: undefined });
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !condition(); turn++) await new Promise(setImmediate);
  expect(condition()).toBe(true);
}

const numbers = (device: Scripted) => device.lines.map((line) => (JSON.parse(line) as { n?: number }).n);

it('ships what it is offered, in order, and opens its device once', async () => {
  const device = new Scripted();
  const shipper = ship(device);
  for (let n = 0; n < 600; n++) offer(shipper, n);
  expect(device.opened).toBe(0);
  await until(() => device.lines.length === 600);
  expect(numbers(device)).toEqual(Array.from({ length: 600 }, (_, n) => n));
  expect(device.opened).toBe(1);
  expect(shipper.health()).toEqual({ state: 'working', waiting: 0, shipped: 600, dropped: 0, problem: '' });
});

it('keeps lines while the device fails, tries again later and later, and goes on where it was', async () => {
  const device = new Scripted();
  device.fails = true;
  const shipper = ship(device);
  offer(shipper, 1);
  await until(() => shipper.health().state === 'failing');
  expect(shipper.health()).toMatchObject({ waiting: 1, problem: 'not there' });
  for (const seconds of [1, 2, 4]) {
    const before = device.opened;
    clock.advance(seconds - 1);
    await new Promise(setImmediate);
    expect(device.opened).toBe(before);
    clock.advance(1);
    await until(() => device.opened === before + 1);
  }
  offer(shipper, 2);
  device.fails = false;
  await new Promise(setImmediate);
  clock.advance(8);
  await until(() => device.lines.length === 2);
  expect(numbers(device)).toEqual([1, 2]);
  expect(shipper.health()).toMatchObject({ state: 'working', problem: '' });
  expect(told).toEqual(['an audit device fails; its lines wait', 'an audit device works again']);
});

it('threat 15: a device that takes nothing holds no more than its queue; what is dropped is counted and told to the device', async () => {
  const device = new Scripted();
  device.holds = true;
  const shipper = ship(device);
  for (let n = 0; n < mostWaiting + 50; n++) offer(shipper, n);
  await until(() => device.held.length === 1);
  expect(shipper.health()).toMatchObject({ waiting: mostWaiting, dropped: 50 });
  device.holds = false;
  for (const release of device.held.splice(0)) release();
  await until(() => shipper.health().waiting === 0);
  offer(shipper, -1);
  await until(() => device.lines.length === mostWaiting + 2);
  expect(device.lines.slice(-2).map((line) => JSON.parse(line) as unknown)).toEqual([
    { type: 'event', event: 'lines dropped', count: 50 },
    { type: 'event', n: -1 },
  ]);
  expect(told).toEqual(['an audit device cannot keep up and misses lines']);
  const large = 'x'.repeat(1024 * 1024);
  device.holds = true;
  for (let n = 0; n < 20; n++) {
    shipper.offer({ at: 0, entry: { type: 'event', large }, request: undefined });
  }
  expect(shipper.health()).toMatchObject({ dropped: 50 + 13 });
  device.holds = false;
  for (const release of device.held.splice(0)) release();
});

it('ships what waits before it ends, for as long as an end can wait', async () => {
  const device = new Scripted();
  const shipper = ship(device);
  for (let n = 0; n < 300; n++) offer(shipper, n);
  await shipper.close();
  expect(device.lines).toHaveLength(300);
  expect(device.closed).toBe(1);
  const stuck = new Scripted();
  stuck.holds = true;
  const other = ship(stuck);
  offer(other, 1);
  await until(() => stuck.held.length === 1);
  const closing = other.close();
  clock.advance(3);
  await closing;
  expect(stuck.closed).toBe(1);
  offer(other, 2);
  await new Promise(setImmediate);
  expect(stuck.opened).toBe(1);
});

it('opens its device anew when it is told to', async () => {
  const device = new Scripted();
  const shipper = ship(device);
  offer(shipper, 1);
  await until(() => device.lines.length === 1);
  shipper.reopen();
  offer(shipper, 2);
  await until(() => device.lines.length === 2);
  expect(device).toMatchObject({ opened: 2, closed: 1 });
});

it('ends although its device does not', async () => {
  const shipper = new Shipper({
    clock,
    open: async () => ({
      write: () => Promise.resolve(),
      close: () => new Promise<void>(() => undefined),
    }),
    line: () => '',
    tell: () => undefined,
  });
  offer(shipper, 1);
  await until(() => shipper.health().shipped === 1);
  const closing = shipper.close();
  await new Promise(setImmediate);
  clock.advance(3);
  await closing;
});

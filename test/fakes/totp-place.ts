/** Accounts of one-time codes for tests, and the devices that make their codes. */
import { createHmac, randomBytes } from 'node:crypto';
import { encodeBase32 } from '../../src/crypto/base32.ts';
import { type Algorithm, codeAt } from '../../src/crypto/one-time-code.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { type Asked, ask } from './client.ts';
import type { HandClock } from './hand-clock.ts';

export interface DeviceOptions {
  readonly key?: Buffer;
  readonly algorithm?: Algorithm;
  readonly digits?: 6 | 8;
  readonly period?: number;
}

/** What a person holds in the hand: makes codes by a clock of its own. */
export class Device {
  readonly key: Buffer;
  readonly algorithm: Algorithm;
  readonly digits: 6 | 8;
  readonly period: number;
  readonly #clock: HandClock;

  constructor(clock: HandClock, { key, algorithm, digits, period }: DeviceOptions = {}) {
    this.#clock = clock;
    this.key = key ?? randomBytes(20);
    this.algorithm = algorithm ?? 'SHA1';
    this.digits = digits ?? 6;
    this.period = period ?? 30;
  }

  /** The one that a URL is for. */
  static of(clock: HandClock, url: string): Device {
    const { searchParams } = new URL(url);
    const said = (name: string) => searchParams.get(name) ?? '';
    return new Device(clock, {
      key: Buffer.from(bytesOfBase32(said('secret'))),
      algorithm: said('algorithm') as Algorithm,
      digits: Number(said('digits')) as 6 | 8,
      period: Number(said('period')),
    });
  }

  get url(): string {
    const { algorithm, digits, period } = this;
    return `otpauth://totp/any:one?algorithm=${algorithm}&digits=${digits}&period=${period}&secret=${encodeBase32(this.key)}`;
  }

  /** @param off seconds by which its clock is fast */
  code(off = 0): string {
    return codeAt(this.key, Math.floor((this.#clock.now() / 1_000 + off) / this.period), this);
  }

  /** One that is not right now. */
  wrong(): string {
    const right = new Set([-1, 0, 1].map((steps) => this.code(steps * this.period)));
    const tag = createHmac('sha1', this.key).update(this.code()).digest().readUInt32BE(0);
    for (let guess = tag; ; guess++) {
      const code = String(guess % 10 ** this.digits).padStart(this.digits, '0');
      if (!right.has(code)) return code;
    }
  }
}

/** Five bits a letter, as RFC 4648 §6 has them: written once more, so that ours is not held against itself. */
function bytesOfBase32(text: string): readonly number[] {
  const bits = [...text]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  return Array.from({ length: Math.floor(bits.length / 8) }, (_, at) =>
    Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2),
  );
}

/** An account `acme/<name>` with one device that was handed in. */
export async function makeAccount(
  node: CofferNode,
  clock: HandClock,
  name: string,
  fields: JsonObject = {},
  device: Device = new Device(clock),
): Promise<Device> {
  const path = `auth/totp/accounts/acme/${name}`;
  const made = await ask(node, 'update', path, fields);
  if (made.status !== 204) throw new Error(`no account: ${made.status} ${made.errors.join()}`);
  await addDevice(node, `acme/${name}`, 'phone', device);
  return device;
}

export async function addDevice(
  node: CofferNode,
  account: string,
  id: string,
  device: Device,
): Promise<void> {
  const added = await ask(node, 'update', `auth/totp/accounts/${account}/devices/${id}`, { url: device.url });
  if (added.status !== 204) throw new Error(`no device: ${added.status} ${added.errors.join()}`);
}

export function logIn(
  node: CofferNode,
  account: string,
  code: string,
  more: JsonObject = {},
  from?: string,
): Promise<Asked> {
  const sent = { issuer: 'acme', account, code, ...more };
  return ask(node, 'update', 'auth/totp/login', sent, null, from === undefined ? {} : { from });
}

/** What every kind of audit device does, whatever it writes to. */
import { expect, it } from 'vitest';
import { CofferError } from '../errors.ts';
import type { AuditDeviceType, DeviceOptions, DevicePlaces } from './audit-device.ts';

export interface DeviceSubject {
  readonly type: AuditDeviceType;
  /** Options that are right here. */
  readonly options: DeviceOptions;
  readonly places: DevicePlaces;
  /** The lines that arrived, in order, once `count` have; undefined for a device that keeps none. */
  readonly arrived: ((count: number) => Promise<readonly string[]>) | undefined;
}

/** @param subject asked for in each test */
export function auditDeviceContract(subject: () => DeviceSubject): void {
  it('writes lines in order, whole, also after it was opened anew', async () => {
    const { type, options, places, arrived } = subject();
    const prepared = type.prepare(options, places);
    const first = await prepared.open();
    await first.write(['{"n":1}', '{"n":2,"text":"ä\\n"}']);
    await first.write(['{"n":3}']);
    await first.close();
    const second = await prepared.open();
    await second.write(['{"n":4}']);
    await second.close();
    const lines = (await arrived?.(4))?.map((line) => (JSON.parse(line) as { n: number }).n);
    if (arrived !== undefined) expect(lines).toEqual([1, 2, 3, 4]);
  });

  it('takes a batch as large as batches get', async () => {
    const { type, options, places, arrived } = subject();
    const device = await type.prepare(options, places).open();
    const batch = Array.from({ length: 256 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(2_000) }));
    await device.write(batch);
    if (arrived !== undefined) expect(await arrived(256)).toEqual(batch);
    await device.close();
    await device.close();
  });

  it('refuses an option that it does not know, and says which there are', () => {
    const { type, options, places } = subject();
    expect(refusal(() => type.prepare({ ...options, nonsense: '1' }, places))).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('nonsense') as string,
    });
  });
}

export function refusal(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    if (error instanceof CofferError) return { code: error.code, message: error.message };
    throw error;
  }
  return undefined;
}

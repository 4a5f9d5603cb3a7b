import { describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { auditDeviceContract } from './audit-device.contract.ts';
import { noPlaces } from './audit-device.ts';
import { discard } from './discard/discard.ts';
import { stdout } from './stdout/stdout.ts';

const clock = new HandClock();

describe('discard', () => {
  auditDeviceContract(() => ({
    type: discard,
    options: {},
    places: { ...noPlaces, clock },
    arrived: undefined,
  }));
});

describe('stdout', () => {
  const subject = () => {
    let text = '';
    return {
      type: stdout,
      options: {},
      places: {
        ...noPlaces,
        clock,
        stdout: async (bytes: Buffer) => {
          text += bytes.toString();
        },
      },
      arrived: async () => text.split('\n').slice(0, -1),
    };
  };
  auditDeviceContract(subject);

  it('of a program that has none fails, and says so', async () => {
    const device = await stdout.prepare({}, { ...noPlaces, clock }).open();
    await expect(device.write(['{}'])).rejects.toMatchObject({ code: 'unavailable' });
  });
});

/** `discard`: takes lines and keeps none. For measuring what devices cost, and for Vault's `file_path=discard`. */
import { type AuditDeviceType, refuseOthers } from '../audit-device.ts';

export const discard: AuditDeviceType = {
  type: 'discard',
  summary: 'Keeps nothing',
  prepare(options) {
    refuseOthers(options, []);
    return {
      open: () => Promise.resolve({ write: () => Promise.resolve(), close: () => Promise.resolve() }),
    };
  },
};

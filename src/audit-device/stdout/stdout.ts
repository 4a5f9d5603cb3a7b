/** `stdout`: lines go to the program's standard output, for whoever collects that. */
import { type AuditDeviceType, refuseOthers } from '../audit-device.ts';

export const stdout: AuditDeviceType = {
  type: 'stdout',
  summary: 'The standard output of the server',
  prepare(options, { stdout: out }) {
    refuseOthers(options, []);
    return {
      open: async () => ({
        write: (lines) => out(Buffer.from(`${lines.join('\n')}\n`)),
        close: () => Promise.resolve(),
      }),
    };
  },
};

/** `socket`: lines go to a listed TCP, UDP or Unix socket as they are, one datagram a line over UDP. */
import { type AuditDeviceType, refuseOthers } from '../audit-device.ts';
import { longestDatagram, openWire, parseTarget } from '../connection.ts';

export const socket: AuditDeviceType = {
  type: 'socket',
  summary: 'A TCP, UDP or Unix socket',
  prepare(options, places) {
    refuseOthers(options, ['address', 'socket_type']);
    const target = parseTarget(options, places);
    return {
      async open() {
        const wire = await openWire(target, places);
        return {
          async write(lines) {
            if (target.kind !== 'udp') await wire.send(Buffer.from(`${lines.join('\n')}\n`));
            else for (const line of lines) await wire.send(datagramOf(line));
          },
          close: async () => wire.close(),
        };
      },
    };
  },
};

/** A line that no datagram holds is said to have been there, rather than lost without a word or sent as half a JSON text. */
function datagramOf(line: string): Buffer {
  const bytes = Buffer.from(`${line}\n`);
  if (bytes.length <= longestDatagram) return bytes;
  return Buffer.from(`{"type":"event","event":"line too long for a datagram","bytes":${bytes.length}}\n`);
}

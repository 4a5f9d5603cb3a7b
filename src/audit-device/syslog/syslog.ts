/**
 * `syslog`: lines go to a listed syslog server as messages of RFC 5424, over UDP (RFC 5426) or over TCP with octet counting
 * (RFC 6587 §3.4.1). The machine's own /dev/log takes datagrams of a kind that this platform cannot send.
 */
import { hostname } from 'node:os';
import { CofferError } from '../../errors.ts';
import { type AuditDeviceType, type DeviceOptions, refuseOthers } from '../audit-device.ts';
import { longestDatagram, openWire, parseTarget } from '../connection.ts';

/** RFC 5424 §6.2.1, by the names that syslog.conf(5) knows. */
const facilities = [
  ...['KERN', 'USER', 'MAIL', 'DAEMON', 'AUTH', 'SYSLOG', 'LPR', 'NEWS', 'UUCP', 'CRON', 'AUTHPRIV', 'FTP'],
  ...['', '', '', '', 'LOCAL0', 'LOCAL1', 'LOCAL2', 'LOCAL3', 'LOCAL4', 'LOCAL5', 'LOCAL6', 'LOCAL7'],
];
const informational = 6;

export const syslog: AuditDeviceType = {
  type: 'syslog',
  summary: 'A syslog server',
  prepare(options, places) {
    refuseOthers(options, ['address', 'socket_type', 'facility', 'tag']);
    const target = parseTarget(options, places, 'udp');
    const head = headOf(options);
    return {
      async open() {
        const wire = await openWire(target, places);
        const message = (line: string) =>
          Buffer.from(`${head(new Date(places.clock.now()).toISOString())} ${line}`);
        return {
          async write(lines) {
            if (target.kind === 'udp') {
              for (const line of lines) await wire.send(fitting(message(line)));
            } else {
              await wire.send(Buffer.concat(lines.flatMap((line) => counted(message(line)))));
            }
          },
          close: async () => wire.close(),
        };
      },
    };
  },
};

/** Throws `invalid_request`. */
function headOf({ facility = 'AUTH', tag = 'coffer' }: DeviceOptions): (time: string) => string {
  const number = facilities.indexOf(facility.toUpperCase());
  if (number === -1 || facility === '') {
    throw new CofferError(
      'invalid_request',
      `facility is one of ${facilities.filter((name) => name !== '').join(', ')}`,
    );
  }
  // APP-NAME of RFC 5424 §6: printable ASCII, 48 characters.
  if (!/^[A-Za-z0-9._-]{1,48}$/.test(tag)) {
    throw new CofferError('invalid_request', 'tag is 1 to 48 letters, digits, ".", "_" and "-"');
  }
  const host = hostname().replace(/[^!-~]/g, '') || '-';
  return (time) => `<${number * 8 + informational}>1 ${time} ${host} ${tag} ${process.pid} audit -`;
}

/** RFC 5426 §3.2 lets a receiver cut what is too long; cut here, it is known to be. */
function fitting(message: Buffer): Buffer {
  return message.length <= longestDatagram ? message : message.subarray(0, longestDatagram);
}

function counted(message: Buffer): readonly Buffer[] {
  return [Buffer.from(`${message.length} `), message];
}

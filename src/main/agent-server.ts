/** The agent's way to its server. */
import { unreadable } from '../agent/file-error.ts';
import { systemFiles } from '../agent/files.ts';
import type { ServerSettings } from '../agent/settings.ts';
import { held } from '../cli/approval.ts';
import { type Client, openClient } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import type { Logger } from '../log.ts';

const longestAuthorities = 4 * 1024 * 1024;

/** Opens clients for the server of the settings. Throws `usage` for certificates that cannot be read. */
export function serverOpener(
  server: ServerSettings | undefined,
  log: Logger,
): (token: string | undefined) => Client {
  if (server === undefined) {
    return () => {
      throw new CofferError('usage', 'there is no [server] in the configuration');
    };
  }
  const { address, namespace, serverName, timeout } = server;
  const ca = server.ca === undefined ? undefined : authorities(server.ca);
  let isWarned = false;
  return (token) => {
    const client = openClient({ address, token, namespace, ca, serverName, timeout, held });
    if (client.exposed && !isWarned) {
      isWarned = true;
      log.warn('the server’s address is not encrypted: token and secrets can be read on the way');
    }
    return client;
  };
}

/** A file without any would trust nobody, and the server would look like a stranger. */
function authorities(path: string): string {
  let text: string;
  try {
    text = systemFiles.readNamed(path, longestAuthorities).toString('utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  if (/^-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/m.test(text)) return text;
  throw new CofferError('usage', `${path} holds no certificate in PEM`);
}

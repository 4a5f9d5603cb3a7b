/** The ACL token, as Consul's own programs find it: named outright, or in a file, which is read again when the token in it was refused. */
import { readFileSync, statSync } from 'node:fs';
import { CofferError } from '../../errors.ts';
import { type ConsulAddress, requireToken } from './address.ts';

export class AgentToken {
  readonly #file: string | undefined;
  #token: string | undefined;

  /** Throws `store_unusable` for a file that can't be read, or that others may read. */
  constructor({ token, tokenFile }: Pick<ConsulAddress, 'token' | 'tokenFile'>) {
    this.#file = tokenFile;
    this.#token = tokenFile === undefined ? token : readToken(tokenFile);
    if (this.#token !== undefined) requireToken(this.#token);
  }

  /** Undefined for whoever comes without one. */
  get current(): string | undefined {
    return this.#token;
  }

  /** Whether the file has another token by now, and it is worth asking with that one. Never throws. */
  changed(): boolean {
    if (this.#file === undefined) return false;
    try {
      const token = readToken(this.#file);
      requireToken(token);
      if (token === this.#token) return false;
      this.#token = token;
      return true;
    } catch {
      return false;
    }
  }
}

function readToken(path: string): string {
  let mode: number;
  try {
    mode = statSync(path).mode;
    if (process.getuid === undefined || (mode & 0o077) === 0) return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new CofferError('store_unusable', `the file with the token of Consul, ${path}, cannot be read`, {
      cause,
    });
  }
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw new CofferError(
    'store_unusable',
    `the file with the token of Consul, ${path}, has mode ${octal}; say: chmod 600 ${path}`,
  );
}

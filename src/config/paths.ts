/**
 * Where Coffer's files live when nobody says otherwise: the XDG Base Directory Specification (0.8), never a checkout or the
 * working directory.
 */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export interface Places {
  readonly home: string;
  /** `~/.config/coffer`: the user's settings, token and keyfiles. */
  readonly config: string;
  /** `~/.local/share/coffer`: a server's data. */
  readonly data: string;
  /** `~/.cache/coffer`: what can be got again. */
  readonly cache: string;
  /** The token that `coffer login` keeps. */
  readonly tokenFile: string;
  /** The token that Vault's own client keeps; read, never written. */
  readonly vaultTokenFile: string;
  /** The user's settings for the CLI. */
  readonly cliFile: string;
}

/** Relative XDG variables are ignored, as the specification demands; so are empty ones. */
export function places(env: Readonly<Record<string, string | undefined>>): Places {
  const home = absolute(env['HOME']) ?? homedir();
  const config = join(absolute(env['XDG_CONFIG_HOME']) ?? join(home, '.config'), 'coffer');
  const data = join(absolute(env['XDG_DATA_HOME']) ?? join(home, '.local', 'share'), 'coffer');
  const cache = join(absolute(env['XDG_CACHE_HOME']) ?? join(home, '.cache'), 'coffer');
  return {
    home,
    config,
    data,
    cache,
    tokenFile: join(config, 'token'),
    vaultTokenFile: join(home, '.vault-token'),
    cliFile: join(config, 'cli.json'),
  };
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

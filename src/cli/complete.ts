/**
 * `coffer __complete KIND PREFIX`: names for the completion scripts, one a line. It asks nobody, waits a second at most, and
 * whatever goes wrong it prints nothing. Names that a shell could act on are left out: what somebody else called a secret must
 * not become a piece of the caller's command line.
 */
import type { Client } from '../client/client.ts';
import type { DynamicKind } from './completion/model.ts';
import { connect, openSafe } from './context.ts';
import { listKeys } from './listing.ts';
import { dataOf } from './safe.ts';
import type { Shell } from './shell.ts';

/** Milliseconds. */
const patience = 1_000;
const mostNames = 500;

/** As if nothing was said on the command line: the scripts ask only where it says nothing about the server. */
const noOptions = {
  address: undefined,
  namespace: undefined,
  'token-file': undefined,
  'ca-cert': undefined,
  'client-cert': undefined,
  'client-key': undefined,
  'tls-server-name': undefined,
  safe: undefined,
};

/** Asks for names; disposing it ends what it still waits for. */
interface Finder extends Disposable {
  names(): Promise<readonly string[]>;
}

const finders: Readonly<Record<DynamicKind, (shell: Shell, prefix: string) => Promise<Finder>>> = {
  secret: secretFinder,
  policy: (shell) => clientFinder(shell, (client) => listKeys(client, 'sys/policies/acl')),
  mount: (shell) => clientFinder(shell, (client) => mountNames(client, 'sys/mounts')),
  auth: (shell) => clientFinder(shell, (client) => mountNames(client, 'sys/auth')),
};

export async function complete(words: readonly string[], shell: Shell): Promise<void> {
  const [kind = '', prefix = ''] = words;
  const open = Object.hasOwn(finders, kind) ? finders[kind as DynamicKind] : undefined;
  if (open === undefined) return;
  try {
    using finder = await open(shell, prefix);
    const found = finder.names();
    // What fails after its time is nobody's business any more.
    found.catch(() => undefined);
    const names = await Promise.race([found, late()]);
    const shown = names.filter((name) => name.startsWith(prefix) && isHarmless(name)).slice(0, mostNames);
    shell.stdout.write(shown.map((name) => `${name}\n`).join(''));
  } catch {
    // No names: completion is no place for a message.
  }
}

function late(): Promise<readonly string[]> {
  return new Promise((resolve) => {
    setTimeout(() => resolve([]), patience).unref();
  });
}

async function clientFinder(
  shell: Shell,
  names: (client: Client) => Promise<readonly string[]>,
): Promise<Finder> {
  const client = await connect(shell, noOptions);
  return { names: () => names(client), [Symbol.dispose]: () => client[Symbol.dispose]() };
}

async function secretFinder(shell: Shell, prefix: string): Promise<Finder> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const safe = await openSafe(shell, noOptions, false);
  return {
    names: async () => {
      const { names } = await safe.list(folder, { limit: mostNames });
      return names.map((name) => folder + name);
    },
    [Symbol.dispose]: () => safe[Symbol.dispose](),
  };
}

async function mountNames(at: Client, root: string): Promise<readonly string[]> {
  return Object.keys(dataOf((await at.request('GET', root)).body));
}

/** No character that any of the shells acts on, nor one that could pass for an option. */
function isHarmless(name: string): boolean {
  return /^[\p{L}\p{N}_.@+/][\p{L}\p{N}_.@+/-]*$/u.test(name);
}

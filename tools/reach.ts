/** What product code may reach outside of the process: which modules of the platform a file loads, and what turns text into code. */
import { importsOf, testFile } from './arrows.ts';

export interface Reach {
  readonly what: string;
  /** Modules that give it. */
  readonly modules: readonly string[];
  /** Words that give it without an import. */
  readonly words: RegExp;
  /** Folders and files that may. */
  readonly owners: readonly string[];
}

export const reaches: readonly Reach[] = [
  {
    what: 'runs programs or other code',
    modules: [
      'node:child_process',
      'node:vm',
      'node:worker_threads',
      'node:module',
      'node:cluster',
      'node:wasi',
    ],
    words: /\beval\(|\bnew Function\b|\bFunction\(|\bWebAssembly\b|process\.(dlopen|binding)\b/,
    // A server's workers are the same program once more.
    owners: [
      'cli/run-child.ts',
      'main/workers/parent.ts',
      'main/workers/worker.ts',
      'main/workers/fleet.ts',
      // The program that the server's configuration names, and no request does.
      'notifier/command/',
    ],
  },
  {
    what: 'opens connections',
    modules: ['node:http2', 'node:dgram', 'node:dns', 'node:dns/promises'],
    words: /\bfetch\(|\bnew WebSocket\b|\.connect\(|\bhttps?\.(request|get)\(/,
    // Audit devices go to targets of the server's configuration and to no others.
    // A database's folder hands its driver the address that an administrator configured.
    owners: [
      'client/',
      // An instance's own metadata service, which no guard of addresses would let through: what is asked is fixed.
      'aws/instance-metadata.ts',
      'outgoing/',
      // Text for a browser: what runs there asks this server.
      'http/page/enroll-script.ts',
      'audit-device/connection.ts',
      'engine/database/mysql/',
      'engine/database/postgresql/',
      'service-user/postgres/session.ts',
      // The store is where the server's configuration says it is.
      'storage/postgres/session.ts',
      'storage/consul/agent.ts',
    ],
  },
  {
    what: 'speaks HTTP',
    modules: ['node:http'],
    words: /(?!)/,
    // The command line listens for one request: the browser's, at the end of a login.
    owners: [
      'client/',
      'http/',
      'outgoing/',
      'audit-device/http/',
      'cli/browser-return.ts',
      // The agent answers programs of its own host, at a socket in a directory of its own.
      'agent/status-socket.ts',
      'aws/json-wire.ts',
      'storage/consul/agent.ts',
    ],
  },
  // A listener takes TLS connections and opens none: it may have the module, and the words above still hold for it.
  {
    what: 'opens connections',
    modules: ['node:https', 'node:tls'],
    words: /(?!)/,
    owners: [
      'client/',
      'http/tls.ts',
      'outgoing/',
      'audit-device/http/',
      'storage/consul/agent.ts',
      // By which name a certificate counts; the driver opens the connection.
      'service-user/postgres/session.ts',
      // AWS is asked where its own names and the server's settings lead, as the SDK's clients in that room do.
      'aws/json-wire.ts',
    ],
  },
];

/** One line for each product file that reaches for what it does not own, and each import of a module chosen at run time. */
export function checkReach(sources: ReadonlyMap<string, string>): readonly string[] {
  const problems: string[] = [];
  for (const [path, source] of sources) {
    if (testFile.test(path)) continue;
    const imported = importsOf(source).filter(({ typeOnly }) => !typeOnly);
    const code = withoutComments(source);
    for (const { what, modules, words, owners } of reaches) {
      const does = imported.some(({ target }) => modules.includes(target)) || words.test(code);
      if (does && !owners.some((owner) => path.startsWith(owner))) problems.push(`${path} ${what}`);
    }
    if (/\bimport\((?!\s*['"])|\brequire\(/.test(code))
      problems.push(`${path} loads a module that is chosen at run time`);
  }
  return problems;
}

/** Good enough for whole-line remarks, which is how this code has them. */
function withoutComments(source: string): string {
  return source
    .split('\n')
    .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
    .join('\n');
}

/** Every command: its line in the overview, and where it is. A command's file is loaded only when it is called. */
import type { Command, CommandGroup } from './command.ts';

interface Row {
  readonly section: 'Secrets' | 'Access' | 'Server';
  readonly summary: string;
  /** Absent for commands that the program brings along (`World.programs`): they are the server's side, not the client's. */
  readonly load?: Load;
}

export type Load = () => Promise<{ readonly command: Command | CommandGroup }>;

export const rows: Readonly<Record<string, Row>> = {
  put: { section: 'Secrets', summary: 'Store a secret', load: () => import('./commands/put.ts') },
  get: { section: 'Secrets', summary: 'Print a secret', load: () => import('./commands/get.ts') },
  list: { section: 'Secrets', summary: 'List names of secrets', load: () => import('./commands/list.ts') },
  tree: {
    section: 'Secrets',
    summary: 'Show names of secrets as a tree',
    load: () => import('./commands/tree.ts'),
  },
  find: {
    section: 'Secrets',
    summary: 'Find secrets by their names',
    load: () => import('./commands/find.ts'),
  },
  history: {
    section: 'Secrets',
    summary: "List a secret's versions",
    load: () => import('./commands/history.ts'),
  },
  delete: {
    section: 'Secrets',
    summary: 'Delete a secret or some of its versions',
    load: () => import('./commands/delete.ts'),
  },
  prune: {
    section: 'Secrets',
    summary: 'Destroy old versions of secrets for good',
    load: () => import('./commands/prune.ts'),
  },
  roles: {
    section: 'Secrets',
    summary: 'Show or change who may read a secret',
    load: () => import('./commands/roles.ts'),
  },
  undelete: {
    section: 'Secrets',
    summary: 'Bring deleted versions back',
    load: () => import('./commands/undelete.ts'),
  },
  diff: {
    section: 'Secrets',
    summary: 'Show which fields differ between versions or secrets',
    load: () => import('./commands/diff.ts'),
  },
  rollback: {
    section: 'Secrets',
    summary: 'Store an earlier version again as the newest',
    load: () => import('./commands/rollback.ts'),
  },
  mv: {
    section: 'Secrets',
    summary: 'Move a secret, or all below a name',
    load: () => import('./commands/mv.ts'),
  },
  cp: {
    section: 'Secrets',
    summary: 'Copy a secret, or all below a name',
    load: () => import('./commands/cp.ts'),
  },
  exec: {
    section: 'Secrets',
    summary: 'Run a program with secrets in its environment',
    load: () => import('./commands/exec.ts'),
  },
  render: {
    section: 'Secrets',
    summary: 'Write secrets into files by templates',
    load: () => import('./commands/render.ts'),
  },
  export: {
    section: 'Secrets',
    summary: 'Print secrets in a format of other programs',
    load: () => import('./commands/export.ts'),
  },
  import: {
    section: 'Secrets',
    summary: 'Store secrets from a file of other programs, or from a table',
    load: () => import('./commands/import.ts'),
  },
  safe: {
    section: 'Secrets',
    summary: 'Make a safe on disk, for use without a server, and give it keys',
    load: () => import('./commands/safe.ts'),
  },
  table: {
    section: 'Secrets',
    summary: 'The table of a safe without server',
    load: () => import('./commands/table.ts'),
  },
  'iam-policy': {
    section: 'Secrets',
    summary: 'Print the least IAM policy for a table, a server or an engine',
    load: () => import('./commands/iam-policy.ts'),
  },
  sts: {
    section: 'Secrets',
    summary: 'Trade one-time codes for credentials of AWS',
    load: () => import('./commands/sts.ts'),
  },
  apps: {
    section: 'Secrets',
    summary: 'Applications: their service users, rotated and delivered',
    load: () => import('./commands/apps.ts'),
  },
  agent: {
    section: 'Secrets',
    summary: 'Keep credentials and files of secrets up to date on this host',
  },
  berry: { section: 'Secrets', summary: "berry's own command, in its words" },
  credstash: {
    section: 'Secrets',
    summary: "credstash's own commands, in its words",
    load: () => import('./commands/credstash.ts'),
  },
  credsmash: {
    section: 'Secrets',
    summary: "credsmash's own commands, in its words",
    load: () => import('./commands/credsmash.ts'),
  },

  login: {
    section: 'Access',
    summary: 'Prove who you are and keep the token',
    load: () => import('./commands/login.ts'),
  },
  logout: { section: 'Access', summary: 'Forget the token', load: () => import('./commands/logout.ts') },
  token: {
    section: 'Access',
    summary: 'Create, look up, renew and revoke tokens',
    load: () => import('./commands/token.ts'),
  },
  policy: { section: 'Access', summary: 'Say who may do what', load: () => import('./commands/policy.ts') },
  auth: { section: 'Access', summary: 'Ways to log in', load: () => import('./commands/auth.ts') },
  'app-id': {
    section: 'Access',
    summary: 'User ids for the App-ID method',
    load: () => import('./commands/app-id.ts'),
  },
  lease: {
    section: 'Access',
    summary: 'List, renew and revoke leases',
    load: () => import('./commands/lease.ts'),
  },
  approvals: {
    section: 'Access',
    summary: 'Approve or deny what others ask for',
    load: () => import('./commands/approvals.ts'),
  },
  wrap: {
    section: 'Access',
    summary: 'Wrap data for one reader, once',
    load: () => import('./commands/wrap.ts'),
  },
  unwrap: {
    section: 'Access',
    summary: 'Take out what a wrapping token holds',
    load: () => import('./commands/unwrap.ts'),
  },
  rewrap: {
    section: 'Access',
    summary: 'Put what is wrapped under a new token',
    load: () => import('./commands/rewrap.ts'),
  },
  vault: {
    section: 'Access',
    summary: "Vault's own commands, in its words",
    load: () => import('./commands/vault.ts'),
  },

  server: { section: 'Server', summary: 'Run the server' },
  status: {
    section: 'Server',
    summary: 'Show whether the server is up and unsealed',
    load: () => import('./commands/status.ts'),
  },
  operator: {
    section: 'Server',
    summary: 'Initialise, unseal, seal and back up a server',
    load: () => import('./commands/operator.ts'),
  },
  mount: { section: 'Server', summary: 'Secrets engines', load: () => import('./commands/mount.ts') },
  doctor: { section: 'Server', summary: 'Look for what is wrong, here and at the server' },
  quota: {
    section: 'Server',
    summary: 'Limits to how fast clients may go',
    load: () => import('./commands/quota.ts'),
  },
  notifier: {
    section: 'Server',
    summary: 'Who is told of what happens',
    load: () => import('./commands/notifier.ts'),
  },
  job: { section: 'Server', summary: 'Long work under way', load: () => import('./commands/job.ts') },
  audit: { section: 'Server', summary: 'Follow and check the audit log' },
  api: { section: 'Server', summary: 'Call any endpoint', load: () => import('./commands/api.ts') },
  completion: {
    section: 'Server',
    summary: 'Print completion for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
  version: { section: 'Server', summary: 'Print the version', load: () => import('./commands/version.ts') },
};

/** The rows as the overview shows them. */
export const sections: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  Secrets: inSection('Secrets'),
  Access: inSection('Access'),
  Server: [...inSection('Server'), ['help', 'Show the help of a command']],
};

function inSection(section: Row['section']): readonly (readonly [string, string])[] {
  return Object.entries(rows)
    .filter(([, row]) => row.section === section)
    .map(([name, row]) => [name, row.summary] as const);
}

import { CofferError } from '../../errors.ts';
import { secretOf } from '../../secret-value.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { type ConnectionOptions, openSafe } from '../context.ts';
import type { NamedSecret, SecretFormat } from '../format/format.ts';
import { formatNames, formatOfFile, isFormatName, loadFormat } from '../format/formats.ts';
import { readImport } from '../import-file.ts';
import { type ImportWishes, importSecrets } from '../import-secrets.ts';
import { safeOptions, yesOption } from '../options.ts';
import { below, isFolder, nameProblem, parseFolder, parseName } from '../secret-name.ts';
import type { Shell } from '../shell.ts';

export const command = defineCommand({
  summary: 'Store secrets from a file of other programs, or from a table',
  details: [
    'With NAME the file is the fields of one secret. With NAME/ it is several secrets by name, which json, yaml ' +
      'and k8s can be; they go below NAME/. Nothing is expanded or run. A name that comes twice, or a line that is ' +
      'not understood, refuses the file as a whole.',
    'First it is shown what would change, without values, and asked; --dry-run ends there, --yes does not ask. A ' +
      'secret that somebody else changes meanwhile is not written. After an error the same command goes on where ' +
      'it ended: what is there already is left alone.',
    'In place of FILE credstash://TABLE?… stores every secret of a table below NAME/ (/ for the whole safe), the latest ' +
      'version of each, and reads each back. --context is the table’s then. What cannot be read or stored is named at ' +
      'the end, and all others are stored.',
    'In place of FILE dssss stores every secret of that installation (dssss?region=… for another region), each with its roles, in a ' +
      'mount of type role-secrets: that of --safe, or else roles. --verify-as userpass/ann puts who you are on each list while its ' +
      'value is read back, and takes you off again.',
    'In place of FILE stsftw takes over the accounts of the table NAME: their secrets, roles and approvers, into an auth method ' +
      'totp (--path). What anybody could have exploited there is said, and is not taken over.',
  ],
  operands: { FILE: 'one', NAME: 'optional' },
  options: {
    as: { type: 'text', value: 'FORMAT', choices: formatNames, help: formatNames.join(', ') },
    patch: { type: 'flag', help: 'keep fields that the file does not have' },
    'dry-run': { type: 'flag', help: 'only show what would change' },
    roles: {
      type: 'text',
      value: 'LIST',
      help: 'who may read each of them, such as app,userpass/ann; in mounts of type role-secrets',
    },
    'verify-as': { type: 'text', value: 'WHO', help: 'from dssss: who you are, as lists of readers have it' },
    path: { type: 'text', value: 'PATH', help: 'of stsftw: where the method totp is enabled (totp)' },
    ...yesOption,
    ...safeOptions,
  },
  examples: [
    'coffer import .env shop/db',
    'coffer import --as k8s - shop/ --yes < secrets.yaml',
    "coffer import 'credstash://credential-store?region=eu-central-1' / --dry-run",
    'coffer import dssss --dry-run',
    'coffer import stsftw sts-auth --dry-run',
  ],
  async run({ options, operands }, shell) {
    const wishes = {
      patch: options.patch,
      dryRun: options['dry-run'],
      yes: options.yes,
      roles: options.roles,
    };
    const { FILE, NAME } = operands;
    if (isDssss(FILE)) return fromDssss(shell, options, FILE, NAME ?? '/');
    if (options['verify-as'] !== undefined) throw usageError('import', '--verify-as goes with dssss');
    if (FILE === 'stsftw') {
      if (NAME === undefined) throw usageError('import', 'NAME is missing: the table of stsftw');
      const { importStsftw } = await import('../sts/import-table.ts');
      return importStsftw(shell, NAME, options);
    }
    if (options.path !== undefined) throw usageError('import', '--path goes with stsftw');
    if (NAME === undefined) throw usageError('import', 'NAME is missing: where the secrets go');
    if (/^credstash:/i.test(FILE)) return fromTable(shell, options, { FILE, NAME }, wishes);
    const name = options.as ?? formatOfFile(FILE);
    if (!isFormatName(name)) throw usageError('import', `--as is missing: ${formatNames.join(', ')}`);
    const format = await loadFormat(name);
    const folder = isFolder(NAME);
    if (folder && format.kind === 'flat') {
      throw usageError('import', `${name} holds one secret; name it without "/" at the end`);
    }
    const goal = folder ? parseFolder(NAME) : parseName(NAME);
    const secrets = decode(format, goal, folder, await readImport(shell, FILE));
    const safe = await openSafe(shell, options);
    await safe.requireUsable(goal);
    await importSecrets(shell, safe, secrets, wishes);
  },
});

async function fromTable(
  shell: Shell,
  options: ConnectionOptions & { readonly as: string | undefined },
  { FILE, NAME }: { readonly FILE: string; readonly NAME: string },
  wishes: ImportWishes,
): Promise<void> {
  if (options.as !== undefined)
    throw usageError('import', '--as goes with a file; a table says itself what it holds');
  if (!isFolder(NAME)) {
    throw usageError(
      'import',
      'a table is many secrets; name the folder that they go to, as NAME/ or / for the whole safe',
    );
  }
  const folder = parseFolder(NAME);
  const [{ importTable }, { openTableSafe }] = await Promise.all([
    import('../import-table.ts'),
    import('../open-table-safe.ts'),
  ]);
  using source = openTableSafe(shell, FILE, options.context ?? []);
  const safe = await openSafe(shell, { ...options, context: [] });
  if (safe.identity === source.identity)
    throw usageError('import', 'the safe is the very table that it would be filled from');
  await safe.requireUsable(folder);
  await importTable(shell, source, safe, folder, wishes);
}

/** By name alone: a file that is called so is ./dssss. */
function isDssss(text: string): boolean {
  return text === 'dssss' || text.startsWith('dssss?');
}

async function fromDssss(
  shell: Shell,
  options: ConnectionOptions & {
    readonly as: string | undefined;
    readonly patch: boolean;
    readonly roles: string | undefined;
    readonly 'dry-run': boolean;
    readonly yes: boolean;
    readonly 'verify-as': string | undefined;
  },
  source: string,
  goal: string,
): Promise<void> {
  if (options.as !== undefined || options.patch || options.roles !== undefined)
    throw usageError(
      'import',
      '--as, --patch and --roles go with a file; dssss says itself who may read what',
    );
  if (!isFolder(goal))
    throw usageError('import', 'dssss has many secrets; name the folder that they go to, as NAME/');
  const folder = parseFolder(goal);
  const safe = await openSafe(shell, options, true, 'roles');
  await safe.requireUsable(folder);
  const { importDssss } = await import('../import-dssss.ts');
  const { 'dry-run': dryRun, yes, 'verify-as': verifyAs } = options;
  await importDssss(shell, source, safe, folder, { dryRun, yes, verifyAs });
}

function decode(format: SecretFormat, goal: string, folder: boolean, text: string): readonly NamedSecret[] {
  if (!folder) {
    const data =
      format.kind === 'tree'
        ? format.decodeOne(text)
        : secretOf(format.decode(text).map(({ name, value }) => [name, value]));
    if (Object.keys(data).length === 0) throw new CofferError('invalid_request', 'the file has no fields');
    return [{ name: goal, data }];
  }
  const secrets = format.kind === 'tree' ? format.decodeMany(text) : [];
  if (secrets.length === 0) throw new CofferError('invalid_request', 'the file has no secrets');
  return secrets.map(({ name, data }) => {
    const problem = nameProblem(name) ?? nameProblem(below(goal, name));
    if (problem !== undefined)
      throw new CofferError(
        'invalid_request',
        `the file names a secret ${JSON.stringify(name.slice(0, 80))}: ${problem}`,
      );
    return { name: below(goal, name), data };
  });
}

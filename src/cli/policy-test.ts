/** `policy test`: policies in files held against what they should allow and deny, by the server's own decision. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { usageError } from './args.ts';
import { defineCommand } from './command.ts';
import { connect } from './context.ts';
import { formatOfFile, loadFormat } from './format/formats.ts';
import { readImport } from './import-file.ts';
import { serverOptions } from './options.ts';
import { paragraph } from './paragraph.ts';
import { type PolicyCases, parseCases } from './policy-cases.ts';
import { dataOf } from './safe.ts';
import type { Shell } from './shell.ts';
import { escapeLine } from './terminal-text.ts';
import type { Style } from './ui.ts';

export const test = defineCommand({
  summary: 'Test policies in files before they are stored',
  details: [
    'Decides about each case as for a token that has all of the policies in FILE. The cases are in a file of YAML ' +
      'or JSON beside the first FILE (web_test.yaml for web.hcl), or where --cases says:',
    'cases: [{allow: read secret/data/web/db}, {deny: delete secret/data/web/db}, {approval: read secret/data/prod}]',
    'A case may have "parameters", a map; the file may have "with", a list of stored policies that the token has ' +
      'besides. Nothing is stored. Needs sudo on sys/policies/test. Exit code 0: every case holds; 1: one does not.',
  ],
  operands: { FILE: 'some' },
  options: {
    cases: { type: 'text', value: 'FILE', help: 'the cases, if not beside the policy' },
    with: { type: 'list', value: 'NAME', help: 'a stored policy of the same token; may be repeated' },
    ...serverOptions,
  },
  examples: ['coffer policy test web.hcl', 'coffer policy test web.hcl base.hcl --cases web.yaml'],
  async run({ options, operands }, shell) {
    const file = options.cases ?? casesBeside(operands.FILE[0] ?? '');
    const cases = await readCases(shell, file);
    const policies: Record<string, string> = {};
    for (const name of operands.FILE) policies[policyName(name, policies)] = await readImport(shell, name);
    const body = { policies, with: [...cases.with, ...options.with], cases: cases.cases };
    const client = await connect(shell, options);
    const data = dataOf((await client.request('POST', 'sys/policies/test', { body })).body);
    if (shell.ui.format === 'json') shell.ui.json(data);
    else printResults(shell, data);
    const failed = Number(data['failed'] ?? 0);
    if (failed > 0) shell.endWith(1);
  },
});

const caseEndings = ['yaml', 'yml', 'json'] as const;

/** `web_test.yaml` for `web.hcl`. Throws `usage` where there is none. */
function casesBeside(policy: string): string {
  const stem = policy.replace(/\.(hcl|json|pol|policy)$/i, '');
  const found = caseEndings.map((ending) => `${stem}_test.${ending}`).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw usageError('policy test', `there is no ${stem}_test.yaml; name the file with --cases FILE`);
}

async function readCases(shell: Shell, file: string): Promise<PolicyCases> {
  const format = await loadFormat(formatOfFile(file) === 'json' ? 'json' : 'yaml');
  const text = await readImport(shell, file);
  if (format.kind !== 'tree') throw new CofferError('internal', 'a file of cases is a tree');
  return parseCases(format.decodeOne(text), file);
}

/** A name for messages, out of the file's. */
function policyName(file: string, taken: JsonObject): string {
  const word = basename(file)
    .replace(/\.[^.]*$/, '')
    .toLowerCase();
  const name =
    word
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 60) || 'policy';
  return !Object.hasOwn(taken, name) && name !== 'root' ? name : `${name}-${Object.keys(taken).length + 1}`;
}

function printResults({ ui, stdout }: Shell, data: JsonObject): void {
  const results = Array.isArray(data['results']) ? data['results'].filter(isJsonObject) : [];
  const width = Math.max(...results.map(({ operation }) => String(operation).length), 0);
  ui.painted(
    results.flatMap((result): (readonly [Style, string])[] => {
      const wanted = String(result['expected']).padEnd('allow'.length);
      const asked = `${wanted}  ${String(result['operation']).padEnd(width)}  ${String(result['path'])}`;
      if (result['passed'] === true) return [['added', escapeLine(`ok    ${asked}`)]];
      const lines = paragraph('      ', String(result['reason']), stdout);
      return [['removed', escapeLine(`FAIL  ${asked}`)], ...lines.map((line) => ['removed', line] as const)];
    }),
  );
  const passed = Number(data['passed'] ?? 0);
  ui.talk(`${passed} of ${results.length} cases hold`);
}

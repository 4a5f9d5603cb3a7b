/** Schemas that others publish for the files below `deploy/`, by validators that are Python packages of their own; made when first asked for. */
import { spawnSync } from 'node:child_process';
import { pythonProgram } from '../setup/tools.ts';

const validators = { 'check-jsonschema': '0.39.0', 'kubernetes-validate': '1.37.0' } as const;

/** What is wrong with files by a schema that check-jsonschema brings along, such as `vendor.compose-spec`; empty when nothing is. */
export function checkSchema(schema: string, files: readonly string[]): string {
  return complaints('check-jsonschema', ['--builtin-schema', schema, ...files]);
}

/** What is wrong with Kubernetes' objects in a file, fields that no schema knows included; empty when nothing is. */
export function checkKubernetes(file: string): string {
  return complaints('kubernetes-validate', ['--strict', '--quiet', file]);
}

function complaints(name: keyof typeof validators, words: readonly string[]): string {
  const { path, remedy } = pythonProgram(name, validators[name], (line) => process.stderr.write(`${line}\n`));
  if (path === undefined) {
    // A pipeline has what the tests need; elsewhere the structural tests are what there is.
    if (process.env['CI'] === 'true') throw new Error(`${name} is missing: ${remedy}`);
    return '';
  }
  const done = spawnSync(path, words, { encoding: 'utf8' });
  return done.status === 0 ? '' : `${done.stdout}${done.stderr}`;
}

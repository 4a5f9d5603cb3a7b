/** Schemas that others publish for the files below `deploy/`, by validators that are Python packages of their own. */
import { spawnSync } from 'node:child_process';
import { inject } from 'vitest';

/** What is wrong with files by a schema that check-jsonschema brings along, such as `vendor.compose-spec`; empty when nothing is. */
export function checkSchema(schema: string, files: readonly string[]): string {
  return complaints('check-jsonschema', ['--builtin-schema', schema, ...files]);
}

/** What is wrong with Kubernetes' objects in a file, fields that no schema knows included; empty when nothing is. */
export function checkKubernetes(file: string): string {
  return complaints('kubernetes-validate', ['--strict', '--quiet', file]);
}

/** A pipeline has the validators; elsewhere, where they are not to be had, the tests of structure are what there is. */
function complaints(name: 'check-jsonschema' | 'kubernetes-validate', words: readonly string[]): string {
  const { path, remedy } = inject('tools')[name];
  if (path === undefined) {
    if (process.env['CI'] === 'true') throw new Error(`${name} is missing: ${remedy}`);
    return '';
  }
  const done = spawnSync(path, words, { encoding: 'utf8' });
  return done.status === 0 ? '' : `${done.stdout}${done.stderr}`;
}

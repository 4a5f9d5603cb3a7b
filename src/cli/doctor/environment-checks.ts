/** What of the environment decides in place of files, which people forget. */
import { type Environment, variable } from '../shell.ts';
import { type Finding, ok, warn } from './finding.ts';

/** What both programs read, ours first. */
const twins = [
  ['COFFER_ADDR', 'VAULT_ADDR'],
  ['COFFER_TOKEN', 'VAULT_TOKEN'],
  ['COFFER_NAMESPACE', 'VAULT_NAMESPACE'],
  ['COFFER_CACERT', 'VAULT_CACERT'],
] as const;

/** `keptToken`: whether there is one that `coffer login` kept. Values are compared and never shown. */
export function checkEnvironment(env: Environment, keptToken: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [ours, theirs] of twins) {
    const own = variable(env, ours);
    const other = variable(env, theirs);
    if (own !== undefined && other !== undefined && own !== other) {
      findings.push(
        warn('environment', `${ours} and ${theirs} differ; ${ours} wins`, `unset the one that is not meant`),
      );
    }
  }
  const token = ['COFFER_TOKEN', 'VAULT_TOKEN'].find((name) => variable(env, name) !== undefined);
  if (token !== undefined && keptToken) {
    findings.push(
      warn(
        'environment',
        `${token} hides the token that coffer login kept`,
        `unset ${token} to use the kept one`,
      ),
    );
  }
  if (/--inspect\b|--inspect-/.test(env['NODE_OPTIONS'] ?? '')) {
    findings.push(
      warn(
        'inspector',
        'NODE_OPTIONS opens the inspector, which shows every secret of the process',
        'unset it: a server refuses to start with it',
      ),
    );
  }
  if (variable(env, 'NODE_TLS_REJECT_UNAUTHORIZED') === '0') {
    findings.push(
      warn(
        'environment',
        'NODE_TLS_REJECT_UNAUTHORIZED=0: certificates are not checked by programs on Node',
        'unset it, and name the authority with --ca-cert',
      ),
    );
  }
  return findings.length > 0 ? findings : [ok('environment', 'no variable hides a file')];
}

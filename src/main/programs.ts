/** The commands of the server's side, which the CLI does not know by itself. Each loads only when it is called. */
import type { Load } from '../cli/table.ts';

export const programs: Readonly<Record<string, Load>> = {
  server: () => import('./server-command.ts'),
  'vault server': () => import('./vault-server-command.ts'),
  agent: () => import('./agent-command.ts'),
  berry: () => import('./berry-command.ts'),
  doctor: () => import('./doctor-command.ts'),
  audit: () => import('./audit-command.ts'),
  'operator backup': () => import('./backup-command.ts'),
  'operator verify-backup': () => import('./verify-backup-command.ts'),
  'operator restore-drill': () => import('./drill-command.ts'),
  'operator restore': () => import('./restore-command.ts'),
  'operator unseal': () => import('./unseal-command.ts'),
  'operator migrate': () => import('./migrate-command.ts'),
  'operator generate-root': () => import('./generate-root-command.ts'),
};

/**
 * Renders the chart with each of the example values into deploy/helm/rendered/, for people without Helm, and so that what the
 * chart makes can be looked at and checked where there is none:
 *
 *     node tools/render-chart.mjs
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartDigest } from './chart-digest.mjs';

const folder = fileURLToPath(new URL('../deploy/helm', import.meta.url));
for (const name of readdirSync(join(folder, 'examples'))) {
  const values = join(folder, 'examples', name);
  const words = [
    'template',
    'coffer',
    join(folder, 'coffer'),
    '--namespace',
    'coffer',
    '--kube-version',
    '1.31.0',
    '-f',
    values,
  ];
  const text = execFileSync('helm', words, { encoding: 'utf8' });
  const head = `# Made by tools/render-chart.mjs of examples/${name}. ${chartDigest(folder, name)}\n`;
  writeFileSync(join(folder, 'rendered', name), head + text.replaceAll(/[ \t]+$/gm, ''));
}

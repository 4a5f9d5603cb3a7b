/** What the chart makes of its examples, as it is kept beside them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from './released-package.ts';

export type Tree = Readonly<Record<string, unknown>>;

export interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: Tree;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly readinessProbe?: { readonly httpGet: { readonly path: string } };
  readonly startupProbe?: { readonly httpGet: { readonly path: string } };
  readonly livenessProbe?: { readonly httpGet: { readonly path: string } };
}

export interface PodSpec {
  readonly securityContext: Tree;
  readonly automountServiceAccountToken: boolean;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly emptyDir?: { readonly medium?: string } }[];
}

export interface Rendered {
  readonly text: string;
  readonly kinds: readonly string[];
  readonly pod: PodSpec;
  readonly claims: readonly string[];
  readonly config: string;
}

export const folder = join(root, 'deploy/helm');
export const read = (path: string) => readFileSync(join(folder, path), 'utf8');
export const examples = readdirSync(join(folder, 'examples')).toSorted();

export function rendered(example: string): Rendered {
  const text = read(`rendered/${example}`);
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS({}) as Tree | null)
    .filter((object) => object !== null);
  const spec = (kind: string) => objects.find((object) => object['kind'] === kind) ?? {};
  const stateful = spec('StatefulSet')['spec'] as {
    readonly template: { readonly spec: PodSpec };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
  return {
    text,
    kinds: objects.map(({ kind }) => String(kind)),
    pod: stateful.template.spec,
    claims: stateful.volumeClaimTemplates.map(({ metadata }) => metadata.name),
    config: (spec('ConfigMap')['data'] as Readonly<Record<string, string>>)['coffer.toml'] ?? '',
  };
}

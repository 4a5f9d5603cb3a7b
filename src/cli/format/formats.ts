/** The formats, by the word that `--as` takes; each is loaded when used. */
import type { SecretFormat } from './format.ts';

export const formatNames = ['dotenv', 'json', 'yaml', 'shell', 'tfvars', 'k8s'] as const;
export type FormatName = (typeof formatNames)[number];

const loaders: Readonly<Record<FormatName, () => Promise<{ readonly format: SecretFormat }>>> = {
  dotenv: () => import('./dotenv.ts'),
  json: () => import('./json.ts'),
  yaml: () => import('./yaml.ts'),
  shell: () => import('./shell.ts'),
  tfvars: () => import('./tfvars.ts'),
  k8s: () => import('./kubernetes.ts'),
};

export async function loadFormat(name: FormatName): Promise<SecretFormat> {
  return (await loaders[name]()).format;
}

export function isFormatName(text: string | undefined): text is FormatName {
  return formatNames.some((name) => name === text);
}

const endings: readonly (readonly [RegExp, FormatName])[] = [
  [/(^|\/)\.env(\.[\w-]+)?$|\.env$/, 'dotenv'],
  [/\.tfvars$/, 'tfvars'],
  [/\.json$/, 'json'],
  [/\.ya?ml$/, 'yaml'],
  [/\.sh$/, 'shell'],
];

/** The format that a file's name promises, if it is one of ours. */
export function formatOfFile(path: string): FormatName | undefined {
  return endings.find(([ending]) => ending.test(path))?.[1];
}

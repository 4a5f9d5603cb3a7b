/** Rendering in tests, with secrets from a map. */
import { asCofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { compileTemplate, type RenderInput, renderTemplate } from './render.ts';
import type { Value } from './value.ts';

export interface Rendering {
  readonly text: string;
  /** Names in the order in which they were read. */
  readonly reads: readonly string[];
}

export async function rendering(
  template: string,
  variables: JsonObject = {},
  secrets: Readonly<Record<string, Value>> = {},
  options: Partial<RenderInput> = {},
): Promise<Rendering> {
  const reads: string[] = [];
  const source = {
    read: async (name: string) => {
      reads.push(name);
      return Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    },
  };
  const text = await renderTemplate(compileTemplate('page', template), {
    variables,
    secrets: source,
    ...options,
  });
  return { text, reads };
}

export async function rendered(...args: Parameters<typeof rendering>): Promise<string> {
  return (await rendering(...args)).text;
}

/** Code and message of what keeps a template from being rendered. */
export async function refusal(...args: Parameters<typeof rendering>): Promise<string> {
  try {
    await rendering(...args);
  } catch (thrown) {
    const { code, message } = asCofferError(thrown);
    return `${code}: ${message}`;
  }
  throw new Error('the template was rendered');
}

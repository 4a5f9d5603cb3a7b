/** Secrets for tests: written, read and compared through the API. */
import { ask, rootToken } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

/** A path below kv v2's API: `secret/a` and `data` give `secret/data/a`. */
export function kvPath(path: string, kind: string): string {
  const slash = path.indexOf('/');
  return `${path.slice(0, slash)}/${kind}${path.slice(slash)}`;
}

export async function put(node: CofferNode, path: string, data: JsonObject): Promise<void> {
  const { status, errors } = await ask(node, 'update', kvPath(path, 'data'), { data });
  if (status !== 200) throw new Error(`not written: ${status} ${errors.join()}`);
}

/** The fields of a version, or undefined where there is none to read. */
export async function get(node: CofferNode, path: string, version = 0): Promise<JsonObject | undefined> {
  const { status, data } = await ask(node, 'read', kvPath(path, 'data'), { version });
  return status === 200 ? (data['data'] as JsonObject) : undefined;
}

/** All of a secret: metadata without times of change, and every version's fields. */
export async function whole(node: CofferNode, path: string): Promise<JsonObject | undefined> {
  const { status, data } = await ask(node, 'read', kvPath(path, 'metadata'));
  if (status !== 200) return undefined;
  const values: Record<string, JsonObject | null> = {};
  for (const version of Object.keys((data['versions'] ?? {}) as JsonObject)) {
    values[version] = (await get(node, path, Number(version))) ?? null;
  }
  return { ...data, values };
}

export const secrets = (node: CofferNode, verb: string, data: JsonObject, token: string | null = rootToken) =>
  ask(node, 'update', `sys/secrets/${verb}`, data, token);

/** Every secret below a folder, as root finds them. */
export async function names(node: CofferNode, path = 'secret/'): Promise<readonly string[]> {
  const found: string[] = [];
  let after = '';
  do {
    const { data } = await secrets(node, 'find', { path, after });
    found.push(...(data['keys'] as string[]));
    after = String(data['next'] ?? '');
  } while (after !== '');
  return found;
}

export async function job(node: CofferNode, id: unknown, token = rootToken): Promise<JsonObject> {
  const { status, data } = await ask(node, 'read', `sys/jobs/${String(id)}`, {}, token);
  if (status !== 200) throw new Error(`no job: ${status}`);
  return data;
}

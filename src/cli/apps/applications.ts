/** Applications of a mount of service users, as `coffer apps` reads and writes them. */
import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import type { Options } from '../command.ts';
import { type ConnectionOptions, connect } from '../context.ts';
import { listKeys } from '../listing.ts';
import { serverOptions } from '../options.ts';
import { showWarnings } from '../print-data.ts';
import { dataOf } from '../safe.ts';
import type { Shell } from '../shell.ts';

export const commonAppsOptions = {
  mount: { type: 'text', value: 'PATH', help: 'the mount of service users (service-users)' },
  ...serverOptions,
} as const satisfies Options;

const usualMount = 'service-users';

/** As the server has it; here so that a slip is told before anything is sent. */
const applicationId = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export class Applications {
  readonly #client: Client;
  readonly #mount: string;
  readonly #shell: Shell;

  /** @param mount path of the mount, without slash */
  constructor(shell: Shell, client: Client, mount: string) {
    this.#shell = shell;
    this.#client = client;
    this.#mount = mount;
  }

  get mount(): string {
    return this.#mount;
  }

  ids(): Promise<readonly string[]> {
    return listKeys(this.#client, `${this.#mount}/apps`);
  }

  providers(): Promise<readonly string[]> {
    return listKeys(this.#client, `${this.#mount}/providers`);
  }

  /** @param rest below the application, such as `status` */
  readOf(id: string, rest?: string): Promise<JsonObject> {
    return this.read(pathOf(id, rest));
  }

  /** @param path below the mount */
  async read(path: string, query: Readonly<Record<string, string>> = {}): Promise<JsonObject> {
    const { body } = await this.#client.request('GET', `${this.#mount}/${path}`, { query });
    return dataOf(body);
  }

  writeOf(id: string, rest: string | undefined, body: JsonObject): Promise<JsonObject> {
    return this.write(pathOf(id, rest), body);
  }

  /** What was answered; empty for nothing. Warnings are shown. */
  async write(path: string, body: JsonObject): Promise<JsonObject> {
    const answer = await this.#client.request('POST', `${this.#mount}/${path}`, { body });
    showWarnings(this.#shell.ui, answer.body);
    return isJsonObject(answer.body) ? dataOf(answer.body) : {};
  }

  async remove(path: string): Promise<void> {
    await this.#client.request('DELETE', `${this.#mount}/${path}`);
  }

  /** Names and what is known of each. */
  async listInfo(path: string): Promise<JsonObject> {
    const { body } = await this.#client.request('LIST', `${this.#mount}/${path}`);
    const info = dataOf(body)['key_info'];
    return isJsonObject(info) ? info : {};
  }
}

/** Throws `usage` for what can be no application. */
export function pathOf(id: string, rest?: string): string {
  if (!applicationId.test(id)) {
    throw new CofferError(
      'usage',
      'an application’s id is 1 to 63 characters of a-z, 0-9 and -, begins with a letter and does not end with -',
    );
  }
  return rest === undefined ? `apps/${id}` : `apps/${id}/${rest}`;
}

export async function openApplications(
  shell: Shell,
  options: ConnectionOptions & { readonly mount: string | undefined },
): Promise<Applications> {
  const mount = (options.mount ?? usualMount).replace(/\/+$/, '');
  return new Applications(shell, await connect(shell, options), mount);
}

export function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}

export function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function numberOf(value: JsonValue | undefined): number {
  return typeof value === 'number' ? value : 0;
}

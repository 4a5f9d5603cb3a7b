/** A registry that speaks Kio's API, and lies when it is told to. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../src/json.ts';

export interface KioApplication {
  readonly id: string;
  readonly team_id: string;
  readonly active: boolean;
  readonly name: string;
  readonly subtitle: string | null;
}

export function kioApplication(id: string, more: Partial<KioApplication> = {}): KioApplication {
  return { id, team_id: 'payments', active: true, name: `The ${id}`, subtitle: null, ...more };
}

export class Kio {
  /** What it has; an empty table is answered with no body at all. */
  applications: readonly (KioApplication | JsonObject)[] = [];
  /** In place of that, as it is. */
  answer: { readonly status?: number; readonly type?: string; readonly body: string } | undefined;
  /** Of each request: path, and the header Authorization. */
  readonly asked: (readonly [string, string | undefined])[] = [];
  readonly #server = createServer((request, response) => {
    this.asked.push([request.url ?? '', request.headers.authorization]);
    const one = /^\/apps\/([^/]+)$/.exec(request.url ?? '')?.[1];
    const found = this.applications.find(({ id }) => id === one);
    const list = this.applications.length === 0 ? '' : JSON.stringify(this.applications);
    const body = one === undefined ? list : JSON.stringify(found ?? {});
    const status = one !== undefined && found === undefined ? 404 : 200;
    const { status: code = status, type = 'application/json', body: text = body } = this.answer ?? {};
    response.writeHead(code, { 'Content-Type': type }).end(text);
  });
  #url = '';

  get url(): string {
    return this.#url;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** `http`: lines are posted to a listed URL as newline-delimited JSON. Any 2xx takes them; nothing is followed. */
import type { ClientRequest } from 'node:http';
import { CofferError } from '../../errors.ts';
import {
  type AuditDeviceType,
  type DevicePlaces,
  deviceFailure,
  type OpenDevice,
  refuseOthers,
  requireTarget,
} from '../audit-device.ts';

/** Milliseconds for a post and its answer. */
const answerWithin = 30_000;

export const http: AuditDeviceType = {
  type: 'http',
  summary: 'An HTTP collector of JSON lines',
  prepare(options, places) {
    refuseOthers(options, ['url']);
    const { url = '' } = options;
    if (!/^https?:\/\/[!-~]+$/.test(url) || !URL.canParse(url)) {
      throw new CofferError('invalid_request', 'url is an http:// or https:// URL');
    }
    requireTarget(url, places);
    return { open: async () => new Collector(new URL(url), places, await requester(url)) };
  },
};

type Requester = typeof import('node:http').request;

/** Loaded when it is used: most servers have no such device. */
async function requester(url: string): Promise<Requester> {
  return url.startsWith('https:')
    ? (await import('node:https')).request
    : (await import('node:http')).request;
}

class Collector implements OpenDevice {
  readonly #url: URL;
  readonly #clock: DevicePlaces['clock'];
  readonly #request: Requester;
  #current: ClientRequest | undefined;

  constructor(url: URL, { clock }: DevicePlaces, request: Requester) {
    this.#url = url;
    this.#clock = clock;
    this.#request = request;
  }

  write(lines: readonly string[]): Promise<void> {
    const body = Buffer.from(`${lines.join('\n')}\n`);
    return new Promise((resolve, reject) => {
      const failed = (cause: unknown) =>
        reject(deviceFailure('the collector of the audit device did not take the lines', cause));
      // Made from nothing: no header of any caller's request is near.
      const headers = { 'Content-Type': 'application/x-ndjson', 'Content-Length': body.length };
      const request = this.#request(this.#url, { method: 'POST', headers, agent: false }, (response) => {
        response.resume();
        const { statusCode = 0 } = response;
        response.once('close', () => {
          late[Symbol.dispose]();
          if (statusCode >= 200 && statusCode < 300) resolve();
          else failed(Object.assign(new Error('another status than 2xx'), { code: `HTTP ${statusCode}` }));
        });
      });
      const late = this.#clock.after(answerWithin, () => request.destroy(new Error('no answer in time')));
      request.once('error', (error) => {
        late[Symbol.dispose]();
        failed(error);
      });
      request.once('close', () => failed(undefined));
      this.#current = request;
      request.end(body);
    });
  }

  async close(): Promise<void> {
    this.#current?.destroy();
  }
}

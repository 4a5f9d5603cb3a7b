/** What a guide takes for granted before its first block: a server at work, a table at AWS, a database. */
import { makeKmsKey } from '../fakes/moto-calls.ts';
import { databasePlace } from '../setup/database-place.ts';
import { startMoto } from '../setup/moto.ts';
import type { Step } from './guide-page.ts';

export interface Needed {
  /** Variables of the reader's own. */
  readonly given: Readonly<Record<string, string>>;
  /** Taken before the guide's own. */
  readonly steps: readonly Step[];
  close(): Promise<void>;
}

const shell = (text: string) => ({ kind: 'shell', line: 0, text, typed: [], exitCode: 0 }) as const;

const needs: Readonly<Record<string, () => Promise<Needed | undefined>>> = {
  server: async () => ({
    given: {},
    steps: [{ ...shell('npx coffer server --init'), terminal: 'server' }],
    close: async () => undefined,
  }),
  /** AWS with the keys `alias/credstash` and `alias/coffer`. */
  async aws() {
    const moto = await startMoto();
    if (moto === undefined) return undefined;
    await makeKmsKey(moto, 'credstash');
    await makeKmsKey(moto, 'coffer');
    return { given: moto.env, steps: [], close: () => moto.close() };
  },
  /** A table as credstash leaves it, with two secrets. */
  'credstash table': async () => ({
    given: {},
    steps: [
      shell(
        [
          'export AWS_DEFAULT_REGION=eu-central-1',
          'coffer credstash setup',
          "coffer credstash put db.password 'correct horse battery staple'",
          'coffer credstash put api.key k-123',
        ].join('\n'),
      ),
      shell('unset AWS_DEFAULT_REGION'),
    ],
    close: async () => undefined,
  }),
  /** The URL of a device, as apps for one-time codes take it. */
  'otpauth url': async () => ({
    given: {
      URL: 'otpauth://totp/acme:ann?algorithm=SHA1&digits=6&issuer=acme&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    },
    steps: [],
    close: async () => undefined,
  }),
  async postgresql() {
    const place = await databasePlace('postgresql');
    if (place === undefined) return undefined;
    const { server, name, password } = place;
    const url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}`;
    return { given: { COFFER_MIGRATE_TO: url }, steps: [], close: () => place.close() };
  },
};

/** Undefined where one of them is not to be had on this machine, which has been said with the remedy. */
export async function provide(words: readonly string[]): Promise<Needed | undefined> {
  const provided: Needed[] = [];
  const close = async () => {
    await Promise.all(provided.map((each) => each.close()));
  };
  for (const word of words) {
    const make = needs[word];
    if (make === undefined) throw new Error(`a guide needs "${word}", and nobody provides it`);
    const made = await make();
    if (made === undefined) {
      await close();
      return undefined;
    }
    provided.push(made);
  }
  return {
    given: Object.assign({}, ...provided.map(({ given }) => given)) as Record<string, string>,
    steps: provided.flatMap(({ steps }) => steps),
    close,
  };
}

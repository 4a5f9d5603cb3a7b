/**
 * An engine whose secrets are credentials of an imaginary system outside, which remembers what was made there and how often
 * each was ended, and can be told to fail.
 */
import { endpoint } from '../../src/core/endpoint.ts';
import type { Engine, EngineType, RenewalContext, RevocationContext } from '../../src/engine/engine.ts';
import { CofferError } from '../../src/errors.ts';

/** The system outside. */
export class Outside {
  /** How often each credential was ended; 0 while it works. */
  readonly revocations = new Map<string, number>();
  /** Calls to revoke, failed ones too. */
  attempts = 0;
  /** So many calls to revoke fail from now on. */
  failures = 0;
  /** Seconds that a renewal grants; the mount's default when undefined. */
  renewal: number | undefined;
  /** Awaited before a credential is handed over. */
  beforeMake: (() => Promise<void>) | undefined;
  /** Awaited before a revocation takes effect. */
  beforeRevoke: ((credential: string) => Promise<void>) | undefined;
  /** Called once a revocation took effect, before the engine hears of it. */
  afterRevoke: ((credential: string) => void) | undefined;

  get made(): readonly string[] {
    return [...this.revocations.keys()];
  }

  /** Credentials that still open something. */
  get working(): readonly string[] {
    return this.made.filter((credential) => this.revocations.get(credential) === 0);
  }

  async make(): Promise<string> {
    await this.beforeMake?.();
    const credential = `outside-password-${this.revocations.size + 1}`;
    this.revocations.set(credential, 0);
    return credential;
  }

  async revoke({ internal }: RevocationContext): Promise<void> {
    const credential = String(internal['credential']);
    this.attempts += 1;
    await this.beforeRevoke?.(credential);
    if (this.failures > 0) {
      this.failures -= 1;
      throw new CofferError('unavailable', 'the system outside does not answer');
    }
    this.revocations.set(credential, (this.revocations.get(credential) ?? 0) + 1);
    this.afterRevoke?.(credential);
  }

  renew({ increment }: RenewalContext): number | undefined {
    return increment ?? this.renewal;
  }
}

export function leasedType(outside: Outside): EngineType {
  return {
    type: 'leased',
    summary: 'credentials of an imaginary system',
    parseOptions: (options) => options,
    create: () => leasedEngine(outside),
  };
}

function leasedEngine(outside: Outside): Engine {
  const creds = endpoint({
    pattern: 'creds/:name',
    help: 'Makes a credential.',
    fields: {
      ttl: { type: 'duration', help: 'Its life.' },
      max_ttl: { type: 'duration', help: 'Its longest life.' },
      fixed: { type: 'bool', help: 'It cannot be renewed.' },
    },
    operations: {
      read: {
        summary: 'Make a credential',
        spendsFirst: true,
        response: { username: { type: 'string' }, password: { type: 'string', sensitive: true } },
        handle: async ({ fields, params }) => {
          const password = await outside.make();
          return {
            data: { username: params['name'] ?? '', password },
            lease: {
              renewable: fields.fixed !== true,
              internal: { credential: password },
              ...(fields.ttl === undefined ? {} : { ttl: fields.ttl }),
              ...(fields.max_ttl === undefined ? {} : { maxTtl: fields.max_ttl }),
            },
          };
        },
      },
    },
  });
  const note = endpoint({
    pattern: 'note/:name',
    help: 'Keeps a text, so that there is something to purge.',
    fields: { text: { type: 'string', help: 'The text.', sensitive: true } },
    operations: {
      read: {
        summary: 'Read it',
        response: { text: { type: 'string', sensitive: true } },
        handle: async ({ view, params }) => {
          const record = await view.read(`note/${params['name']}`);
          return record === undefined ? undefined : { data: { text: record.open().toString('utf8') } };
        },
      },
      update: {
        summary: 'Keep it',
        handle: async ({ view, params, fields }) => {
          await view.commit([{ path: `note/${params['name']}`, value: Buffer.from(fields.text ?? '') }]);
          return undefined;
        },
      },
    },
  });
  return {
    endpoints: [creds, note],
    revoke: (context) => outside.revoke(context),
    renew: async (context) => outside.renew(context),
  };
}

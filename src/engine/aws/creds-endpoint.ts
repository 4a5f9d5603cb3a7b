/** `creds/:name` and `sts/:name`: credentials of AWS for whoever asks, by what the role says. */
import type { Call, Endpoint, Fields, FieldValues, Reply, ResponseSchema } from '../../core/endpoint.ts';
import { endpoint } from '../../core/endpoint.ts';
import { cappedWarning } from '../../core/ttl-rule.ts';
import { CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { Clients } from './clients.ts';
import { toldToCallers } from './refusal.ts';
import { type CredentialType, parseRoleName, type Role, readRole } from './role.ts';
import { readRoot } from './root-config.ts';
import { type PlannedSession, planSession } from './sessions.ts';
import { demandAcceptance, tellRefused, toldOfLease, type Wanted } from './told.ts';
import { renderUsername } from './username.ts';
import type { Users } from './users.ts';

const fields = {
  role_arn: {
    type: 'string',
    help: 'Which of the role’s role_arns, where it has several.',
    query: true,
  },
  role_session_name: { type: 'string', help: 'The session’s name, where the role says none.', query: true },
  ttl: {
    type: 'duration',
    help: 'How long; the role’s default_sts_ttl, or an hour, when absent.',
    query: true,
  },
  mfa_code: {
    type: 'string',
    help: 'The code of now of the role’s device (mfa_serial_number).',
    query: true,
    sensitive: true,
  },
} as const satisfies Fields;

type CredsCall = Call & { readonly fields: FieldValues<typeof fields> };
type SessionType = Exclude<CredentialType, 'iam_user'>;

const schema = {
  access_key: { type: 'string' },
  secret_key: { type: 'string', sensitive: true },
  security_token: { type: 'string', sensitive: true, nullable: true },
  session_token: { type: 'string', sensitive: true, nullable: true },
  arn: { type: 'string', optional: true, help: 'Who they are, where STS says it.' },
  ttl: { type: 'duration', optional: true, help: 'Seconds until they end, for sessions.' },
} as const satisfies ResponseSchema;

/** Seconds. */
const usualTtl = 3_600;
const leastTtl = 900;
const mostTtl: Readonly<Record<SessionType, number>> = {
  assumed_role: 43_200,
  federation_token: 129_600,
  session_token: 129_600,
};

export class Credentials {
  readonly #environment: EngineEnvironment;
  readonly #clients: Clients;
  readonly #users: Users;

  constructor(environment: EngineEnvironment, clients: Clients, users: Users) {
    this.#environment = environment;
    this.#clients = clients;
    this.#users = users;
  }

  endpoints(): readonly Endpoint[] {
    return (['creds', 'sts'] as const).map((way) => {
      const make = {
        summary: 'Make credentials',
        spendsFirst: true,
        response: schema,
        handle: (call: CredsCall) => this.#make(way, call),
      } as const;
      return endpoint({
        pattern: `${way}/:name`,
        help: 'Makes credentials of AWS by a role, which end with their lease.',
        fields,
        operations: { read: make, update: make },
      });
    });
  }

  async #make(way: 'creds' | 'sts', call: CredsCall): Promise<Reply> {
    const name = parseRoleName(call.params['name']);
    const role = await readRole(call.view, name);
    if (role === undefined) throw new CofferError('invalid_request', `Role "${name}" not found`);
    const type = typeOf(role, way);
    return type === 'iam_user' ? this.#user(call, name, role) : this.#session(call, name, role, type);
  }

  async #session(call: CredsCall, roleName: string, role: Role, type: SessionType): Promise<Reply> {
    const { view } = call;
    const { seconds, warnings } = this.#sessionTtl(role, type, call.fields.ttl);
    const { root } = await readRoot(view);
    const plan: PlannedSession = planSession({
      call,
      roleName,
      role,
      type,
      seconds,
      roleArn: call.fields.role_arn || undefined,
      roleSessionName: call.fields.role_session_name,
      mfaCode: call.fields.mfa_code,
      // Sessions of roles are called like users (Vault's wire, §18).
      usualName: (longest) =>
        this.#name(root.usernameTemplate, call, roleName, type === 'assumed_role' ? 'IAM' : 'STS', longest),
      digest: (text) => this.#environment.digest(text),
    });
    const wanted: Wanted = { roleName, type, name: plan.name, roleArn: plan.roleArn };
    const keys = await this.#asked(call, role, wanted, () => this.#clients.use(view, plan.order));
    return {
      data: {
        access_key: keys.accessKey,
        secret_key: keys.secretKey,
        security_token: keys.token,
        session_token: keys.token,
        ...(keys.arn === '' ? {} : { arn: keys.arn }),
        ttl: seconds,
      },
      warnings,
      lease: {
        ttl: seconds,
        maxTtl: seconds,
        renewable: false,
        internal: { kind: 'session' },
        told: toldOfLease(wanted, call),
      },
    };
  }

  async #user(call: CredsCall, roleName: string, role: Role): Promise<Reply> {
    const { root } = await readRoot(call.view);
    if (call.fields.role_arn || call.fields.role_session_name || call.fields.mfa_code) {
      throw new CofferError(
        'invalid_request',
        'role_arn, role_session_name and mfa_code do not go with users of IAM',
      );
    }
    const username = this.#name(root.usernameTemplate, call, roleName, 'IAM', 64);
    const wanted: Wanted = { roleName, type: 'iam_user', name: username, roleArn: '' };
    const made = await this.#asked(call, role, wanted, () =>
      this.#users.make(call, role, username, call.fields.ttl),
    );
    const { accessKey, secretKey } = made.key;
    return {
      data: { access_key: accessKey, secret_key: secretKey, security_token: null, session_token: null },
      lease: { ...made.lease, told: toldOfLease(wanted, call) },
    };
  }

  /** Whoever has to accept it is asked before AWS is, and AWS's refusal is told. */
  async #asked<T>(call: Call, role: Role, wanted: Wanted, action: () => Promise<T>): Promise<T> {
    await demandAcceptance(this.#environment, role, wanted, call);
    return action().catch(async (error: unknown) => {
      await tellRefused(this.#environment, wanted, call, error);
      throw toldToCallers(error, `make credentials of role "${wanted.roleName}"`);
    });
  }

  #sessionTtl(
    role: Role,
    type: SessionType,
    wish: number | undefined,
  ): { readonly seconds: number; readonly warnings: readonly string[] } {
    const limits = [role.maxTtl, this.#environment.maxTtl, mostTtl[type]].filter((each) => each > 0);
    const longest = Math.min(...limits);
    const wanted = wish || role.defaultTtl || usualTtl;
    const seconds = Math.min(wanted, longest);
    if (seconds < leastTtl) {
      throw new CofferError(
        'invalid_request',
        `AWS makes no sessions of less than ${leastTtl} seconds: ask for more${longest < leastTtl ? ', and give the mount a longer max_lease_ttl' : ''}`,
      );
    }
    return { seconds, warnings: wish !== undefined && seconds < wish ? [cappedWarning(seconds)] : [] };
  }

  #name(template: string, call: Call, roleName: string, type: 'IAM' | 'STS', longest: number): string {
    const { random } = this.#environment;
    const displayName = call.caller?.displayName ?? '';
    return renderUsername(template, { displayName, roleName, type, now: call.clock.now(), random }, longest);
  }
}

/** Roles of Vault's first way make users on one path and sessions on the other; all others make the same on both. */
function typeOf({ types, isLegacy }: Role, way: 'creds' | 'sts'): CredentialType {
  const fitting = types.filter((type) => !isLegacy || (type === 'iam_user') === (way === 'creds'));
  const [type] = fitting;
  if (type !== undefined) return type;
  throw new CofferError(
    'invalid_request',
    `this role, which has no credential_type, makes nothing at ${way}/`,
  );
}

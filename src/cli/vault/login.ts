/** `login`, and `auth` as the first releases had it: proving who one is, and keeping the token in `~/.vault-token`. */
import { asCofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { writePrivateFile } from '../private-file.ts';
import { isInteractive } from '../prompt.ts';
import { type Shell, variable } from '../shell.ts';
import { parseToken } from '../token-file.ts';
import { askSecret } from './ask.ts';
import { readDataWords } from './data-words.ts';
import { misuse } from './failure.ts';
import type { FlagSpecs } from './flags.ts';
import { dataOf, printSecret, printWarnings, type Secret, secretOf } from './secret.ts';
import { anyNumber, fieldFlag, sanitized, type Verb, type VerbCall, type Verbs } from './verb.ts';

const loginFlags = {
  ...fieldFlag,
  method: { type: 'text', help: 'token (when absent), userpass, approle, app-id or cert' },
  path: { type: 'text', help: 'where the method is enabled, if not at its own name' },
  'no-store': { type: 'bool', help: 'do not keep the token' },
  'no-print': { type: 'bool', help: 'do not show the token' },
  'token-only': { type: 'bool', help: 'print the token alone, and do not keep it' },
  'no-verify': { type: 'bool', help: 'do not look the token up' },
} as const satisfies FlagSpecs;

/** What proves who one is, by name; and where it is sent, if not to `login` itself. */
interface Method {
  readonly needs: readonly { readonly name: string; readonly question: string; readonly optional?: true }[];
  /** Absent where the connection itself is the proof. */
  readonly secret?: string;
  readonly at?: string;
}

const methods: Readonly<Record<string, Method>> = {
  userpass: {
    needs: [{ name: 'username', question: 'Username' }],
    secret: 'password',
    at: 'username',
  },
  approle: { needs: [{ name: 'role_id', question: 'Role ID' }], secret: 'secret_id' },
  'app-id': { needs: [{ name: 'app_id', question: 'App ID' }], secret: 'user_id' },
  cert: { needs: [] },
};

const login: Verb = {
  usage: '[TOKEN | NAME=VALUE...]',
  summary: 'Prove who you are and keep the token in ~/.vault-token',
  flags: loginFlags,
  args: [0, anyNumber],
  async run(call) {
    const secret = await logIn(call);
    const token = tokenOf(secret);
    const { flags, output } = call;
    const tokenOnly = flags.bool('token-only');
    // A wrapped login is for who unwraps it.
    const keeps = token !== undefined && !flags.bool('no-store') && !tokenOnly;
    if (keeps) keep(call.shell, token);
    if (tokenOnly) await printSecret(output, secret, token === undefined ? 'wrapping_token' : 'token');
    else if (flags.text('field') !== undefined) await printSecret(output, secret, flags.text('field'));
    else if (!flags.bool('no-print')) await show(call, secret, keeps);
    return 0;
  },
};

async function show({ output, shell }: VerbCall, secret: Secret, kept: boolean): Promise<void> {
  if (kept && variable(shell.env, 'VAULT_TOKEN') !== undefined) {
    output.warn(
      'WARNING! The VAULT_TOKEN environment variable is set! The value of this variable will take precedence; if this is unwanted please unset VAULT_TOKEN or update its value accordingly.\n',
    );
  }
  if (wantsFactor(secret)) output.warn(factorNote);
  else if (secret.auth !== undefined) output.success(kept ? keptNote : unkeptNote);
  await printSecret(output, secret);
}

const keptNote = `Success! You are now authenticated. The token information displayed below
is already stored in the token helper. You do NOT need to run "vault login"
again. Future Vault requests will automatically use this token.
`;

const factorNote = `There is no token yet: the login needs a second factor. Send its code to
sys/mfa/validate, or log in with -mfa=METHOD:CODE.
`;

function wantsFactor({ auth }: Secret): boolean {
  return isJsonObject(auth) && isJsonObject(auth['mfa_requirement']);
}

const unkeptNote = `Success! You are now authenticated. The token was not stored in token helper.
Set the VAULT_TOKEN environment variable or pass the token below with each
request to Vault.
`;

/** One line in a file for its owner alone, as the old program writes it. A link there is replaced and not followed. */
function keep(shell: Shell, token: string): void {
  try {
    writePrivateFile(shell.places.vaultTokenFile, token);
  } catch (error) {
    throw misuse(`Error storing token: ${asCofferError(error).message}`);
  }
}

function tokenOf({ auth }: Secret): string | undefined {
  const text = isJsonObject(auth) ? auth['client_token'] : undefined;
  return typeof text === 'string' && text !== '' ? parseToken(text, 'the answer') : undefined;
}

async function logIn(call: VerbCall): Promise<Secret> {
  const name = call.flags.text('method') ?? 'token';
  if (name === 'token') return byToken(call);
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined) {
    throw misuse(`Unknown auth method. It is one of: token, ${Object.keys(methods).join(', ')}`);
  }
  return byMethod(call, name, method);
}

/** `vault login T`, `vault login token=T lookup=false`, `vault login -`, or asked for. */
async function byToken(call: VerbCall): Promise<Secret> {
  const { args, session, shell, flags } = call;
  const [first] = args;
  const isBare = args.length === 1 && first !== undefined && first !== '-' && !first.includes('=');
  const given = isBare || first === '-' ? {} : await readDataWords(shell, args);
  const text = isBare ? first : first === '-' ? await askSecret(call, 'Token') : given['token'];
  const token = typed(typeof text === 'string' ? text : await askSecret(call, 'Token (will be hidden)'));
  const looks = String(given['lookup'] ?? 'true') !== 'false' && !flags.bool('no-verify');
  if (!looks) return withAuth({ client_token: token });
  const answer = await session.ask('authenticating', 'GET', 'auth/token/lookup-self', {
    token,
    wrapTtl: '0',
  });
  const data = dataOf(secretOf(answer.body));
  return withAuth({
    client_token: token,
    accessor: data['accessor'] ?? '',
    policies: data['policies'] ?? [],
    token_policies: data['policies'] ?? [],
    identity_policies: data['identity_policies'] ?? null,
    metadata: data['meta'] ?? null,
    lease_duration: data['ttl'] ?? 0,
    renewable: data['renewable'] ?? false,
    orphan: data['orphan'] ?? false,
  });
}

function typed(text: string): string {
  try {
    return parseToken(text, 'what was given');
  } catch (error) {
    throw misuse(asCofferError(error).message);
  }
}

function withAuth(auth: JsonObject): Secret {
  return {
    request_id: '',
    lease_id: '',
    lease_duration: 0,
    renewable: false,
    data: null,
    warnings: null,
    auth,
  };
}

async function byMethod(call: VerbCall, name: string, method: Method): Promise<Secret> {
  const { session, shell, args } = call;
  const given: Record<string, string> = {};
  for (const [key, value] of Object.entries(await readDataWords(shell, args))) given[key] = String(value);
  for (const { name: key } of method.needs) {
    if ((given[key] ?? '') === '') throw misuse(`'${key}' must be specified: ${key}=…`);
  }
  // What is secret is better asked for than written where others see it.
  const hidden = method.secret;
  if (hidden !== undefined)
    given[hidden] ??= await askSecret(call, `${questionFor(hidden)} (will be hidden)`);
  const { [method.at ?? '']: below, mount: at, ...body } = given;
  const mount = sanitized(call.flags.text('path') ?? at ?? name);
  const path = `auth/${mount}/login${below === undefined ? '' : `/${below}`}`;
  const answer = await session.ask('authenticating', 'PUT', path, { body, anonymous: true });
  const secret = secretOf(answer.body);
  if (secret === undefined) throw misuse('Error authenticating: the server answered without a token');
  return secondStep(call, secret);
}

/** The codes that the server wants, where there is somebody to ask for them. Otherwise the answer says what is wanted. */
async function secondStep(call: VerbCall, first: Secret): Promise<Secret> {
  const { session, shell, flags } = call;
  if (!isJsonObject(first.auth) || !isJsonObject(first.auth['mfa_requirement'])) return first;
  if (flags.bool('non-interactive') || !isInteractive(shell)) return first;
  const { askForCodes, wantedBy } = await import('../second-factor.ts');
  const wanted = wantedBy(first.auth);
  if (wanted === undefined) return first;
  const body = { mfa_request_id: wanted.requestId, mfa_payload: await askForCodes(shell, wanted) };
  const answer = await session.ask('validating the second factor', 'PUT', 'sys/mfa/validate', {
    body,
    anonymous: true,
  });
  return secretOf(answer.body) ?? first;
}

function questionFor(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Before there was `login`: `auth TOKEN` keeps a token, `auth -methods` lists how to get one. */
const auth: Verb = {
  usage: '[TOKEN | NAME=VALUE...] | -methods',
  summary: 'Prove who you are, in the words of the first releases',
  flags: {
    ...loginFlags,
    methods: { type: 'bool', help: 'list auth methods' },
    'method-help': { type: 'bool', help: 'say how to log in by -method' },
  },
  args: [0, anyNumber],
  async run(call) {
    const { flags, output } = call;
    const mounts = await import('./mounts.ts');
    if (flags.bool('methods')) return mounts.listMethods(call);
    if (flags.bool('method-help')) {
      const help = mounts.verbs['auth help'];
      return help?.run({ ...call, args: [flags.text('method') ?? 'token'] });
    }
    const secret = await logIn(call);
    const token = tokenOf(secret);
    if (wantsFactor(secret))
      throw misuse('Error authenticating: the login needs a second factor; send it with -mfa=METHOD:CODE');
    if (token === undefined) throw misuse('Error authenticating: the server answered without a token');
    if (!flags.bool('no-store')) keep(call.shell, token);
    const answer: JsonObject = isJsonObject(secret.auth) ? secret.auth : {};
    const policies = Array.isArray(answer['policies']) ? answer['policies'].map(String) : [];
    await output.document(secret as unknown as JsonObject, () =>
      output.line(
        [
          'Successfully authenticated! You are now logged in.',
          `token: ${token}`,
          `token_duration: ${String(answer['lease_duration'] ?? 0)}`,
          `token_policies: [${policies.join(', ')}]`,
        ].join('\n'),
      ),
    );
    printWarnings(output, secret);
    return 0;
  },
};

export const verbs: Verbs = { login, auth };

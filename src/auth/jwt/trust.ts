/** Whom a mount believes: the provider that its configuration names and the keys it verifies with, kept for a while. */
import type { Clock } from '../../clock.ts';
import { type JwtAlgorithm, jwtAlgorithms } from '../../crypto/jwt/algorithms.ts';
import { type KeySet, parseJwks, parsePemKey } from '../../crypto/jwt/keys.ts';
import { verifyJwt } from '../../crypto/jwt/verify.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Outgoing } from '../../outgoing/https.ts';
import { FreshCopy } from '../fresh-copy.ts';
import type { JwtConfig, ReadConfig } from './config.ts';
import { discover, type Provider } from './provider.ts';

/** Bytes of a key set. */
const longestKeySet = 256 * 1024;

export class Trust {
  readonly #outgoing: Outgoing;
  readonly #providers: FreshCopy<Provider>;
  readonly #keys: FreshCopy<KeySet>;

  constructor(clock: Clock, outgoing: Outgoing) {
    this.#outgoing = outgoing;
    this.#providers = new FreshCopy(clock);
    this.#keys = new FreshCopy(clock);
  }

  /** Throws as `discover`, and `invalid_request` where no provider is configured. */
  provider({ config, revision }: ReadConfig): Promise<Provider> {
    return this.#providers.read(revision, async () => discover(this.#outgoing, config));
  }

  /**
   * The claims of a token that one of the configured keys signed, and whose issuer is the one that is bound. Throws
   * `invalid_request` when that is not so, `unavailable` when the keys cannot be had.
   */
  async claimsOf(text: string, read: ReadConfig, algorithms: readonly JwtAlgorithm[]): Promise<JsonObject> {
    const { config, revision } = read;
    const load = () => this.#loadKeys(read);
    let verified = await verifyJwt(text, await this.#keys.read(revision, load), algorithms);
    if (verified.kind === 'unknown-key' && config.publicKeys.length === 0) {
      const newer = this.#keys.readAgain(revision, load);
      if (newer !== undefined) verified = await verifyJwt(text, await newer, algorithms);
    }
    if (verified.kind !== 'verified')
      throw new CofferError('invalid_request', 'no known key signed the token');
    checkIssuer(config, verified.claims);
    return verified.claims;
  }

  async #loadKeys(read: ReadConfig): Promise<KeySet> {
    const { config } = read;
    return loadKeys(this.#outgoing, config, async () => this.provider(read));
  }
}

/** What a JWT role takes: everything that is safe, unless the configuration says less. */
export function jwtAlgorithmsOf({ algorithms }: JwtConfig): readonly JwtAlgorithm[] {
  return algorithms.length > 0 ? algorithms : jwtAlgorithms;
}

/** What ID tokens are signed with: RS256 (OpenID Connect Core 1.0 §2), unless the configuration says otherwise. */
export function idTokenAlgorithmsOf({ algorithms }: JwtConfig): readonly JwtAlgorithm[] {
  return algorithms.length > 0 ? algorithms : ['RS256'];
}

/** A provider found by discovery speaks for itself alone, unless the configuration names another issuer. */
function checkIssuer({ boundIssuer, discoveryUrl }: JwtConfig, claims: JsonObject): void {
  const wanted = boundIssuer === '' ? discoveryUrl : boundIssuer;
  if (wanted !== '' && claims['iss'] !== wanted) {
    throw new CofferError('invalid_request', 'the token is of another issuer');
  }
}

/** Contacts what a configuration names, before it is stored. Throws `invalid_request` with what was wrong. */
export async function tryOut(outgoing: Outgoing, config: JwtConfig): Promise<void> {
  const what = config.discoveryUrl === '' ? 'jwks URL' : 'oidc discovery URL';
  try {
    const provider = async () => {
      const found = await discover(outgoing, config);
      if (config.clientId !== '' && (found.authorizationEndpoint === '' || found.tokenEndpoint === '')) {
        throw new CofferError('invalid_request', 'the provider names no endpoints for logins by browser');
      }
      return found;
    };
    await loadKeys(outgoing, config, provider);
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    throw new CofferError('invalid_request', `error checking ${what}: ${error.message}`, { cause: error });
  }
}

async function loadKeys(
  outgoing: Outgoing,
  config: JwtConfig,
  provider: () => Promise<Provider>,
): Promise<KeySet> {
  if (config.publicKeys.length > 0) return config.publicKeys.map(parsePemKey);
  const fromProvider = config.discoveryUrl !== '';
  const url = fromProvider ? (await provider()).jwksUri : config.jwksUrl;
  if (url === '') throw new CofferError('unavailable', 'the provider names no key set');
  const ca = fromProvider ? config.discoveryCa : config.jwksCa;
  const answer = await outgoing({ url, ca, longest: longestKeySet });
  if (answer.status !== 200) {
    throw new CofferError('unavailable', `the key set was answered with status ${answer.status}`);
  }
  try {
    return parseJwks(answer.body);
  } catch (error) {
    throw new CofferError('unavailable', error instanceof CofferError ? error.message : 'no key set', {
      cause: error,
    });
  }
}

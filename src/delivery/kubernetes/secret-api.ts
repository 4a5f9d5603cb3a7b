/** Secrets at a Kubernetes API server (core/v1): looked up without what they hold, and written as they were looked up or not at all. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import type { Outgoing, OutgoingAnswer } from '../../outgoing/https.ts';
import type { ClusterAccess } from './cluster-files.ts';

/** What there is of a Secret besides its data. */
export type SecretMetadata = JsonObject;

export interface SecretPlace extends ClusterAccess {
  /** With a port unless it is 443. */
  readonly host: string;
  readonly namespace: string;
}

/** `changed`: something else was there by then than what was looked up. */
export type Written = 'done' | 'changed';

/** https://kubernetes.io/docs/reference/using-api/api-concepts/: metadata alone, so that nobody's secret comes here. */
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export class SecretApi {
  readonly #outgoing: Outgoing;
  readonly #place: SecretPlace;
  readonly #signal: AbortSignal;

  constructor(outgoing: Outgoing, place: SecretPlace, signal: AbortSignal) {
    this.#outgoing = outgoing;
    this.#place = place;
    this.#signal = signal;
  }

  /** Undefined where there is none, nor its namespace. */
  async find(name: string): Promise<SecretMetadata | undefined> {
    const answer = await this.#ask('GET', `/${name}`, undefined, { Accept: metadataOnly });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#refusal('get', answer.status);
    const { kind, metadata } = parsed(answer.body);
    if (kind === 'PartialObjectMetadata' && isJsonObject(metadata)) return metadata;
    throw new CofferError('unavailable', `${this.#place.host} answered no metadata of a Secret`);
  }

  /** @param dry tries it with everything that decides about it, and leaves all as it is */
  async create(name: string, secret: JsonObject, dry: boolean): Promise<Written> {
    const answer = await this.#ask('POST', query(dry), secret);
    if (answer.status === 200 || answer.status === 201) return 'done';
    if (answer.status === 409) return 'changed';
    if (answer.status === 404) {
      const { namespace, host } = this.#place;
      throw new CofferError(
        'invalid_request',
        `there is no namespace ${namespace} at ${host} to have the Secret ${name} in`,
      );
    }
    throw this.#refusal('create', answer.status);
  }

  /** The secret names the resourceVersion that it takes the place of. */
  async replace(name: string, secret: JsonObject, dry: boolean): Promise<Written> {
    const answer = await this.#ask('PUT', `/${name}${query(dry)}`, secret);
    if (answer.status === 200) return 'done';
    if (answer.status === 409 || answer.status === 404) return 'changed';
    throw this.#refusal('update', answer.status);
  }

  async remove(name: string, { uid, resourceVersion }: SecretMetadata): Promise<Written> {
    const preconditions = { uid: uid ?? '', resourceVersion: resourceVersion ?? '' };
    const answer = await this.#ask('DELETE', `/${name}`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions,
    });
    if ([200, 202, 404].includes(answer.status)) return 'done';
    if (answer.status === 409) return 'changed';
    throw this.#refusal('delete', answer.status);
  }

  #ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: JsonObject,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<OutgoingAnswer> {
    const { host, namespace, token, ca } = this.#place;
    return this.#outgoing({
      url: `https://${host}/api/v1/namespaces/${namespace}/secrets${path}`,
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ca,
      // An answer to a write has the Secret in it once more.
      longest: 4 * 1024 * 1024,
      signal: this.#signal,
    });
  }

  #refusal(verb: string, status: number): CofferError {
    const { host, namespace } = this.#place;
    if (status === 401)
      return new CofferError('permission_denied', `${host} does not know the token of this server`);
    if (status === 403) {
      return new CofferError(
        'permission_denied',
        `${host} does not let this server ${verb} secrets in the namespace ${namespace}`,
      );
    }
    if (status === 429) return new CofferError('rate_limited', `${host} wants a pause`);
    if (status === 400 || status === 422) {
      return new CofferError(
        'invalid_request',
        `${host} refuses to ${verb} the Secret as it is (status ${status})`,
      );
    }
    return new CofferError('unavailable', `${host} did not ${verb} the Secret (status ${status})`);
  }
}

function query(dry: boolean): string {
  return `?fieldManager=coffer${dry ? '&dryRun=All' : ''}`;
}

function parsed(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

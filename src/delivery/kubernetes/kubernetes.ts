/** `kubernetes`: a Secret for each application, in a namespace of a cluster. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import type { Outgoing } from '../../outgoing/https.ts';
import { requireApplication, splitAddress, wrongTarget } from '../address.ts';
import { type ListedCluster, type ListedPlaces, requireNamespace } from '../places.ts';
import type { OpenTarget, Parcel, TargetType } from '../target.ts';
import { targetCall } from '../target-call.ts';
import { clusterAccess, type PodSurroundings } from './cluster-files.ts';
import { SecretApi, type SecretMetadata, type Written } from './secret-api.ts';

const form = 'kubernetes://HOST:PORT/NAMESPACE';
/** https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/. What does not bear it is somebody else's. */
const managedBy = 'app.kubernetes.io/managed-by';
const us = 'coffer';
/** Somebody else may change a Secret while it is written: it is looked up again so often. */
const mostTries = 4;

interface Address {
  /** As URLs have it: in lower case, with a port unless it is 443. */
  readonly host: string;
  readonly namespace: string;
}

/** @param outgoing the way out, which goes to no address that must not be asked */
export function kubernetesTarget(outgoing: Outgoing, listed: ListedPlaces, pod: PodSurroundings): TargetType {
  const check = ({ host, namespace }: Address) => requireNamespace(host, namespace, listed());
  return {
    scheme: 'kubernetes',
    summary: 'a Secret in a namespace of a Kubernetes cluster',
    parse(text) {
      const address = parseAddress(text);
      check(address);
      return `kubernetes://${address.host}/${address.namespace}`;
    },
    open(text) {
      const address = parseAddress(text);
      check(address);
      return new OpenNamespace(address, { outgoing, pod, cluster: () => check(address) });
    },
  };
}

/** Throws `invalid_request`. */
function parseAddress(text: string): Address {
  const { base } = splitAddress(text, form, []);
  const [, host = '', namespace = ''] =
    /^kubernetes:\/\/((?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?)\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\/?$/.exec(
      base,
    ) ?? [];
  const url = `https://${host}/`;
  if (host === '' || !URL.canParse(url)) throw wrongTarget(`a namespace of Kubernetes is named by ${form}`);
  return { host: new URL(url).host, namespace };
}

interface Way {
  readonly outgoing: Outgoing;
  readonly pod: PodSurroundings;
  /** Throws where the namespace is not listed any more. */
  readonly cluster: () => ListedCluster;
}

class OpenNamespace implements OpenTarget {
  readonly place: string;
  readonly #address: Address;
  readonly #way: Way;

  constructor(address: Address, way: Way) {
    this.place = `kubernetes:${address.host}`;
    this.#address = address;
    this.#way = way;
  }

  probe(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, (api) => this.#write(api, application, {}, true));
  }

  deliver({ application, documents, changed }: Parcel, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, async (api) => {
      if (changed.length === 0) return;
      const data = Object.entries(documents).map(([name, { text }]) => [
        `${name}.json`,
        Buffer.from(text).toString('base64'),
      ]);
      await this.#write(api, application, Object.fromEntries(data) as JsonObject, false);
    });
  }

  /** A Secret of somebody else's stays: nothing was delivered there. */
  remove(application: string, signal: AbortSignal): Promise<void> {
    return this.#doing(application, signal, (api) =>
      this.#settled(application, async () => {
        const found = await api.find(application);
        if (found === undefined || !isOurs(found)) return 'done';
        return api.remove(application, found);
      }),
    );
  }

  close(): void {}

  #write(api: SecretApi, name: string, data: JsonObject, dry: boolean): Promise<void> {
    return this.#settled(name, async () => {
      const found = await api.find(name);
      if (found !== undefined && !isOurs(found)) throw this.#foreign(name);
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: this.#metadata(name, found ?? {}),
        type: 'Opaque',
        data,
      };
      return found === undefined ? api.create(name, secret, dry) : api.replace(name, secret, dry);
    });
  }

  /** What others noted on the Secret stays. */
  #metadata(name: string, found: SecretMetadata): JsonObject {
    const labels = isJsonObject(found['labels']) ? found['labels'] : {};
    const kept = ['resourceVersion', 'uid', 'annotations', 'finalizers', 'ownerReferences'].flatMap(
      (member) => {
        const value = found[member];
        return value === undefined ? [] : [[member, value] as const];
      },
    );
    return {
      ...Object.fromEntries(kept),
      name,
      namespace: this.#address.namespace,
      labels: { ...labels, [managedBy]: us },
    };
  }

  async #settled(name: string, attempt: () => Promise<Written>): Promise<void> {
    for (let tries = 1; tries <= mostTries; tries++) {
      if ((await attempt()) === 'done') return;
    }
    throw new CofferError('unavailable', `somebody else changes the Secret ${name} all the time; try again`);
  }

  #foreign(name: string): CofferError {
    return new CofferError(
      'permission_denied',
      `the Secret ${name} in the namespace ${this.#address.namespace} was not made by Coffer (no label ${managedBy}: ${us}) and stays as it is: remove it, or give it the label`,
    );
  }

  #doing(application: string, signal: AbortSignal, action: (api: SecretApi) => Promise<void>): Promise<void> {
    const { host, namespace } = this.#address;
    return targetCall(`the namespace ${namespace} at ${host}`, signal, async () => {
      requireApplication(application);
      const access = await clusterAccess(this.#way.cluster(), this.#way.pod);
      await action(new SecretApi(this.#way.outgoing, { host, namespace, ...access }, signal));
    });
  }
}

function isOurs({ labels }: SecretMetadata): boolean {
  return isJsonObject(labels) && labels[managedBy] === us;
}

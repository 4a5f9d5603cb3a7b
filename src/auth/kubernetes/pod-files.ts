/** What Kubernetes puts into each pod: the cluster's certificates and the pod's own token, which is renewed in place. */
import { open } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';
import { FreshCopy } from '../fresh-copy.ts';

export interface PodSecrets {
  /** Certificates in PEM. */
  readonly ca: string;
  readonly token: string;
}

/** Where every cluster puts them; no configuration names another place. */
export const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Bytes. */
const longestFile = 64 * 1024;
const times = { goodFor: 60_000, betweenWishes: 60_000, afterFailure: 2_000 } as const;

export class PodFiles {
  readonly #folder: string;
  readonly #copy: FreshCopy<PodSecrets | undefined>;

  constructor(clock: Clock, folder: string = podFolder) {
    this.#folder = folder;
    this.#copy = new FreshCopy(clock, times);
  }

  /** Undefined outside of a pod. Both are read anew each minute. */
  read(): Promise<PodSecrets | undefined> {
    return this.#copy.read('', async () => {
      const [ca, token] = await Promise.all([this.#text('ca.crt'), this.#text('token')]);
      return ca === undefined || token === undefined ? undefined : { ca, token: token.trim() };
    });
  }

  async #text(name: string): Promise<string | undefined> {
    try {
      const file = await open(`${this.#folder}/${name}`, 'r');
      try {
        const buffer = Buffer.alloc(longestFile);
        const { bytesRead } = await file.read(buffer, 0, longestFile, 0);
        return buffer.toString('utf8', 0, bytesRead);
      } finally {
        await file.close();
      }
    } catch {
      return undefined;
    }
  }
}

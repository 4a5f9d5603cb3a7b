/**
 * IAM and STS behind a mount, on this node. They belong to one revision of the mount's `config/root`: whoever changes that, on any
 * node, is followed with the next request.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { AwsOptions } from '../../aws/aws-options.ts';
import { type AwsPlaces, requireAmbient, requireListed } from '../../aws/aws-places.ts';
import { type IamUsers, iamUsers } from '../../aws/iam-users.ts';
import { type StsClient, stsClient } from '../../aws/sts.ts';
import type { View } from '../../core/view.ts';
import type { Revision } from '../../storage/storage.ts';
import { awsOptions, type RootConfig, readRoot } from './root-config.ts';

export interface AwsServices {
  readonly iam: IamUsers;
  readonly sts: StsClient;
}

export type OpenServices = (options: { readonly iam: AwsOptions; readonly sts: AwsOptions }) => AwsServices;

export const openServices: OpenServices = ({ iam, sts }) => ({ iam: iamUsers(iam), sts: stsClient(sts) });

interface Known {
  readonly revision: Revision | null;
  readonly services: AwsServices;
  account: string | undefined;
  users: number;
  isOld: boolean;
}

export class Clients {
  readonly #places: AwsPlaces;
  readonly #open: OpenServices;
  #known: Known | undefined;

  constructor(places: AwsPlaces, open: OpenServices = openServices) {
    this.#places = places;
    this.#open = open;
  }

  /**
   * Lends the mount's services. An action that AWS turned away for its keys is done once more where they have changed meanwhile.
   *
   * @throws `invalid_request` where the server's settings do not allow what the config says, and what the action throws
   */
  async use<T>(view: View, action: (services: AwsServices) => Promise<T>): Promise<T> {
    const { root, revision } = await readRoot(view);
    try {
      return await this.#lend(root, revision, action);
    } catch (error) {
      if (!(error instanceof AwsError) || error.reason !== 'bad-credentials') throw error;
      const after = await readRoot(view);
      if (after.revision === revision) throw error;
      return this.#lend(after.root, after.revision, action);
    }
  }

  /** The account whose users these services make; asked once for each revision of the config. */
  async account(view: View): Promise<string> {
    return this.use(view, async ({ sts }) => {
      const known = this.#known;
      const account = known?.account ?? (await sts.callerIdentity()).account;
      if (known?.services.sts === sts) known.account = account;
      return account;
    });
  }

  /** Services by keys that the mount does not ask with (yet). */
  async tryOut<T>(root: RootConfig, action: (services: AwsServices) => Promise<T>): Promise<T> {
    const services = this.#opened(root);
    try {
      return await action(services);
    } finally {
      closeServices(services);
    }
  }

  /** Throws `invalid_request` for what the server's own settings do not allow. */
  check(root: RootConfig): void {
    requireListed('iam_endpoint and sts_endpoint', [root.iamEndpoint, root.stsEndpoint], this.#places);
    if (root.accessKey === '') requireAmbient(this.#places);
  }

  close(): void {
    if (this.#known !== undefined) retire(this.#known);
    this.#known = undefined;
  }

  async #lend<T>(
    root: RootConfig,
    revision: Revision | null,
    action: (services: AwsServices) => Promise<T>,
  ): Promise<T> {
    if (this.#known?.revision !== revision) {
      const services = this.#opened(root);
      this.close();
      this.#known = { revision, services, account: undefined, users: 0, isOld: false };
    } else this.check(root);
    const known = this.#known;
    known.users += 1;
    try {
      return await action(known.services);
    } finally {
      known.users -= 1;
      if (known.isOld && known.users === 0) closeServices(known.services);
    }
  }

  #opened(root: RootConfig): AwsServices {
    this.check(root);
    return this.#open(awsOptions(root, this.#places));
  }
}

/** Calls under way come to their end first. */
function retire(known: Known): void {
  known.isOld = true;
  if (known.users === 0) closeServices(known.services);
}

function closeServices({ iam, sts }: AwsServices): void {
  iam.close();
  sts.close();
}

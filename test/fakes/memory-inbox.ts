/** An inbox in memory with a KMS of its own: for tests that are about answers, and not about AWS. */
import { AwsError } from '../../src/aws/aws-error.ts';
import type { AttributeMap } from '../../src/aws/dynamo.ts';
import { draftRequest } from '../../src/inbox/draft.ts';
import { itemOf } from '../../src/inbox/enrolment-request.ts';
import type { InboxServices } from '../../src/inbox/inbox-table.ts';

export class MemoryInbox {
  readonly items: AttributeMap[] = [];

  readonly services: InboxServices = {
    table: {
      check: async () => undefined,
      create: async (waiting) => void this.items.push(itemOf(waiting)),
      page: async (limit) => ({ items: this.items.slice(0, limit), next: undefined }),
      remove: async ({ id }) => {
        const at = this.items.findIndex((item) => item['id']?.S === id);
        if (at >= 0) this.items.splice(at, 1);
      },
    },
    kms: {
      encrypt: async ({ key, plaintext, context }) => ({
        ciphertext: Buffer.from(JSON.stringify([key, context, plaintext.toString('base64')])),
        keyArn: key,
      }),
      decrypt: async ({ key, ciphertext, context }) => {
        const [madeBy, madeFor, plaintext] = JSON.parse(ciphertext.toString()) as [string, unknown, string];
        if (madeBy !== key || JSON.stringify(madeFor) !== JSON.stringify(context))
          throw new AwsError('bad-ciphertext', 'KMS refuses the ciphertext');
        return { plaintext: Buffer.from(plaintext, 'base64'), keyArn: madeBy };
      },
    },
    close() {},
  };

  /** A request that waits, wrapped by `alias/sample`. */
  async add(issuer: string, account: string): Promise<void> {
    const wish = { issuer, account, roles: [], authorizers: [], createdAt: 0 };
    const { waiting } = await draftRequest(this.services.kms, 'alias/sample', wish);
    await this.services.table.create(waiting);
  }
}

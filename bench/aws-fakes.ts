/** What `aws-login.mjs` has in place of AWS: the tests' own, and the proofs that machines and people would bring. */
import { FakeEc2 } from '../test/fakes/fake-ec2.ts';
import { FakeSts, type SignedFields, signedLogin } from '../test/fakes/fake-sts.ts';
import { IdentityAuthority } from '../test/fakes/instance-identity.ts';

const account = '123456789012';
/** One of which no certificate has been published, so that the configured one is the only one to be tried. */
const region = 'xx-bench-1';
const image = 'ami-0123456789abcdef0';

export interface Machine {
  readonly id: string;
  readonly pkcs7: string;
}

export class Cloud {
  readonly ec2 = new FakeEc2();
  readonly sts = new FakeSts();
  readonly #authority = new IdentityAuthority();

  async open(): Promise<this> {
    await Promise.all([this.ec2.open(), this.sts.open()]);
    this.sts.callers.push({
      accessKey: 'AKIABENCHBENCHBENCHB',
      secretKey: 'of the bench',
      arn: `arn:aws:iam::${account}:user/bench`,
      userId: 'AIDABENCHBENCHBENCHB',
      account,
    });
    return this;
  }

  async close(): Promise<void> {
    await Promise.all([this.ec2.close(), this.sts.close()]);
  }

  get env(): Readonly<Record<string, string>> {
    return { ...this.ec2.env, AWS_ENDPOINT_URL_STS: this.sts.endpoint };
  }

  /** What is written to the mount, by path below it. */
  get settings(): Readonly<Record<string, object>> {
    const usual = { token_policies: ['reader'], token_ttl: '1h' };
    const arn = `arn:aws:iam::${account}:user/bench`;
    return {
      'config/certificate/bench': { aws_public_cert: this.#authority.certificate },
      'role/machines': { auth_type: 'ec2', bound_account_id: account, ...usual },
      'role/people': { bound_iam_principal_arn: arn, resolve_aws_unique_ids: false, ...usual },
    };
  }

  /**
   * Machines with their documents.
   *
   * @param known whether AWS is to know of them
   */
  machines(from: number, count: number, known: boolean): readonly Machine[] {
    return Array.from({ length: count }, (_, index) => {
      const id = `i-${(from + index).toString(16).padStart(17, '0')}`;
      if (known) this.ec2.add({ id, account, image });
      const document = { accountId: account, region, instanceId: id, imageId: image };
      return { id, pkcs7: this.#authority.pkcs7({ ...document, pendingTime: '2026-11-01T00:00:00Z' }) };
    });
  }

  /** Logins of one user, each signed at another second. */
  people(count: number): readonly SignedFields[] {
    const [caller] = this.sts.callers;
    if (caller === undefined) throw new Error('nobody is there');
    return Array.from({ length: count }, (_, second) =>
      signedLogin(caller, { at: Date.now() - second * 1_000 }),
    );
  }
}

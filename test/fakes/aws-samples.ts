/** A mount of `aws` with something in each of its places, at an AWS of this machine: for tests that ask every operation there is. */
import { aws } from '../../src/auth/aws/aws.ts';
import type { AuthMethodType } from '../../src/engine/engine.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { ask } from './client.ts';
import { FakeEc2 } from './fake-ec2.ts';
import type { KnownValues } from './field-values.ts';
import { IdentityAuthority } from './instance-identity.ts';

const account = '123456789012';
const region = 'eu-central-1';
const image = 'ami-0123456789abcdef0';
const instance = 'i-0123456789abcdef0';
const elsewhere = '210987654321';
const elsewhereRole = `arn:aws:iam::${elsewhere}:role/coffer`;
const tag = Buffer.from('v1:sample').toString('base64url');
const otherProofs = [
  'identity',
  'signature',
  'iam_http_request_method',
  'iam_request_url',
  'iam_request_body',
  'iam_request_headers',
] as const;

export class AwsSamples {
  readonly #ec2 = new FakeEc2();
  readonly #authority = new IdentityAuthority();

  /** Opens AWS; answers the method that asks it. */
  async open(): Promise<AuthMethodType> {
    await this.#ec2.open();
    this.#ec2.add({ id: instance, account, image });
    return aws({ env: this.#ec2.env, endpoints: [], profiles: [] });
  }

  async close(): Promise<void> {
    await this.#ec2.close();
  }

  /**
   * Paths by pattern, of what is not named `sample`.
   *
   * @param mount with a trailing `/`
   */
  paths(mount: string): readonly (readonly [pattern: string, path: string])[] {
    const named = (name: string, capture: string, value: string): [string, string] => [
      `${mount}${name}/:${capture}`,
      `${mount}${name}/${value}`,
    ];
    return [
      named('config/sts', 'account', elsewhere),
      named('identity-accesslist', 'instance', instance),
      named('identity-whitelist', 'instance', instance),
      named('roletag-denylist', 'tag*', tag),
      named('roletag-blacklist', 'tag*', tag),
    ];
  }

  /** Puts something into each place; answers values for the fields that name it. */
  async fill(node: CofferNode, mount: string): Promise<KnownValues> {
    const document = { accountId: account, region, instanceId: instance, imageId: image };
    const pkcs7 = this.#authority.pkcs7({ ...document, pendingTime: '2026-11-01T00:00:00Z' });
    const write = (path: string, fields: JsonObject = {}) => ask(node, 'update', mount + path, fields);
    await write('config/client', { max_retries: 0 });
    await write('config/certificate/sample', {
      aws_public_cert: this.#authority.certificate,
      regions: region,
    });
    await write(`config/sts/${elsewhere}`, { sts_role: elsewhereRole });
    await write('config/tidy/identity-accesslist', { safety_buffer: '1h' });
    await write('config/tidy/roletag-denylist', { safety_buffer: '1h' });
    await write(`roletag-denylist/${tag}`);
    const bound = { auth_type: 'ec2', bound_account_id: account };
    await write('role/sample', { ...bound, role_tag: 'coffer' });
    await write('role/plain', { ...bound, ignore_nonce: true });
    await write('login', { role: 'plain', pkcs7 });
    return {
      role: ['plain'],
      auth_type: ['ec2'],
      bound_account_id: [[account]],
      aws_public_cert: [this.#authority.certificate],
      sts_role: [elsewhereRole],
      max_retries: [0],
      pkcs7: [pkcs7],
      // Of the other forms of proof nothing, so that a login is one.
      ...Object.fromEntries(otherProofs.map((field) => [field, ['']])),
    };
  }
}

/**
 * EC2 and IAM as far as logins of instances ask them, at an address of this machine: instances that are there are told, those that are
 * not are left out, and every question is kept. Signatures are not looked at.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeInstance {
  readonly id: string;
  readonly account: string;
  readonly image: string;
  /** `running` unless told. */
  readonly state?: string;
  /** Name of an instance profile of the same account. */
  readonly profile?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export class FakeEc2 {
  readonly instances = new Map<string, FakeInstance>();
  /** ARNs of roles, by the name of the instance profile. */
  readonly profiles = new Map<string, string>();
  /** The ids that each question of EC2 was about, in order. */
  readonly asked: (readonly string[])[] = [];
  /** Names of profiles that IAM was asked for. */
  readonly askedProfiles: string[] = [];
  /** Waited for before each answer of EC2. */
  gate: Promise<void> | undefined;
  /** In place of EC2's answers: status and code of an error. */
  failing: { readonly status: number; readonly code: string } | undefined;
  readonly #server: Server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  async open(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Keys of nobody, and where EC2 and IAM are. */
  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ACCESS_KEY_ID: 'AKIAOFTHESERVER00000',
      AWS_SECRET_ACCESS_KEY: 'of-a-test',
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL_EC2: this.endpoint,
      AWS_ENDPOINT_URL_IAM: this.endpoint,
    };
  }

  add(instance: FakeInstance): void {
    this.instances.set(instance.id, instance);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
    if (form.get('Action') === 'GetInstanceProfile') {
      this.#answerProfile(form.get('InstanceProfileName') ?? '', response);
      return;
    }
    const ids = [...form].filter(([name]) => /^Filter\.1\.Value\.\d+$/.test(name)).map(([, id]) => id);
    this.asked.push(ids);
    await this.gate;
    if (this.failing !== undefined) {
      const { status, code } = this.failing;
      send(response, status, `<Response><Errors><Error><Code>${code}</Code></Error></Errors></Response>`);
      return;
    }
    const found = ids.flatMap((id) => this.instances.get(id) ?? []);
    const items = found.map((each) => this.#reservation(each)).join('');
    const space = 'http://ec2.amazonaws.com/doc/2016-11-15/';
    send(
      response,
      200,
      `<DescribeInstancesResponse xmlns="${space}"><reservationSet>${items}</reservationSet></DescribeInstancesResponse>`,
    );
  }

  #reservation({ id, account, image, state = 'running', profile, tags = {} }: FakeInstance): string {
    const pairs = Object.entries(tags).map(
      ([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`,
    );
    const arn = profile === undefined ? '' : `arn:aws:iam::${account}:instance-profile/${profile}`;
    const held = arn === '' ? '' : `<iamInstanceProfile><arn>${arn}</arn></iamInstanceProfile>`;
    const said = `<instanceId>${id}</instanceId><imageId>${image}</imageId><instanceState><name>${state}</name></instanceState>${held}<tagSet>${pairs.join('')}</tagSet>`;
    return `<item><ownerId>${account}</ownerId><instancesSet><item>${said}</item></instancesSet></item>`;
  }

  #answerProfile(name: string, response: ServerResponse): void {
    this.askedProfiles.push(name);
    const arn = this.profiles.get(name);
    if (arn === undefined) send(response, 404, errorOf('NoSuchEntity'));
    else send(response, 200, profileOf(name, arn));
  }
}

function errorOf(code: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`;
}

function profileOf(name: string, arn: string): string {
  const role = `<Path>/</Path><RoleName>r</RoleName><RoleId>AROA</RoleId><Arn>${arn}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>`;
  const profile = `<Path>/</Path><InstanceProfileName>${name}</InstanceProfileName><Roles><member>${role}</member></Roles>`;
  const result = `<GetInstanceProfileResult><InstanceProfile>${profile}</InstanceProfile></GetInstanceProfileResult>`;
  return `<GetInstanceProfileResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">${result}</GetInstanceProfileResponse>`;
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/xml' }).end(text);
}

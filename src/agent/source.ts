/** Where an application's documents come from. */
import type { AwsOptions } from '../aws/aws-options.ts';
import type { S3Reader } from '../aws/s3-reader.ts';
import { clientText, userText } from '../delivery/document-text.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { checkDocument, type DocumentName, type Documents, longestDocument } from './document.ts';
import type { KvSecrets } from './kv-secrets.ts';
import type { SourceAddress } from './source-address.ts';

export interface Source {
  /**
   * All documents that are wanted, of one look. Throws `not_found`, `permission_denied`, `unavailable` and the like for what keeps them
   * from being read, `integrity` for what is there and is none; in no case with anything of them.
   */
  read(): Promise<Documents>;
}

export interface SourceSurroundings {
  readonly env: AwsOptions['env'];
  /** Undefined where no server is configured. */
  readonly secrets: KvSecrets | undefined;
}

export function openSource(
  address: SourceAddress,
  application: string,
  wanted: readonly DocumentName[],
  { env, secrets }: SourceSurroundings,
): Source {
  if (address.kind === 's3') return new S3Source(address, application, wanted, env);
  if (secrets === undefined)
    throw new CofferError('usage', 'a source on a server needs [server] and [login]');
  return new CofferSource(`${address.path}/${application}`, wanted, secrets);
}

/** A secret of kv with the fields that a delivery target writes: both documents in one version. */
class CofferSource implements Source {
  readonly #path: string;
  readonly #wanted: readonly DocumentName[];
  readonly #secrets: KvSecrets;

  constructor(path: string, wanted: readonly DocumentName[], secrets: KvSecrets) {
    this.#path = path;
    this.#wanted = wanted;
    this.#secrets = secrets;
  }

  async read(): Promise<Documents> {
    const fields = await this.#secrets.read(this.#path);
    if (fields === undefined) throw new CofferError('not_found', `there is no secret ${this.#path}`);
    return Object.fromEntries(
      this.#wanted.map((name) => {
        const text = documentOf(name, fields);
        if (text === undefined)
          throw new CofferError(
            'not_found',
            `the secret ${this.#path} has no credentials for ${name}.json yet`,
          );
        return [name, checkDocument(name, Buffer.from(text))];
      }),
    );
  }
}

function documentOf(name: DocumentName, fields: JsonObject): string | undefined {
  const text = (field: string) => {
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  if (name === 'user') {
    const [username, password] = [text('application_username'), text('application_password')];
    return username === undefined || password === undefined ? undefined : userText(username, password);
  }
  const id = text('client_id');
  // A secret that is neither text nor said to be none is missing.
  const secret = fields['client_secret'] === null ? null : text('client_secret');
  return id === undefined || secret === undefined ? undefined : clientText(id, secret);
}

interface Known {
  readonly etag: string;
  readonly text: string;
}

/** Objects of a bucket, asked for again only as far as they changed. */
class S3Source implements Source {
  readonly #address: SourceAddress & { readonly kind: 's3' };
  readonly #application: string;
  readonly #wanted: readonly DocumentName[];
  readonly #env: AwsOptions['env'];
  readonly #known = new Map<DocumentName, Known>();
  #reader: S3Reader | undefined;

  constructor(
    address: SourceAddress & { readonly kind: 's3' },
    application: string,
    wanted: readonly DocumentName[],
    env: AwsOptions['env'],
  ) {
    this.#address = address;
    this.#application = application;
    this.#wanted = wanted;
    this.#env = env;
  }

  async read(): Promise<Documents> {
    const { bucket, account } = this.#address;
    // Loaded where there is a bucket to read.
    const { s3Reader } = await import('../aws/s3-reader.ts');
    const reader =
      this.#reader ?? s3Reader({ env: this.#env, ...account }, { bucket, most: longestDocument });
    this.#reader = reader;
    try {
      const found = this.#wanted.map(async (name) => [name, await this.#one(reader, name)] as const);
      return Object.fromEntries(await Promise.all(found));
    } catch (error) {
      // The next one looks for credentials anew: those of files change.
      reader.close();
      this.#reader = undefined;
      throw error;
    }
  }

  async #one(reader: S3Reader, name: DocumentName): Promise<string> {
    const before = this.#known.get(name);
    const found = await reader.read(`${this.#application}/${name}.json`, before?.etag);
    if (found.kind === 'unchanged') {
      if (before !== undefined) return before.text;
      throw new CofferError('unavailable', 'S3 answered without an object');
    }
    const text = checkDocument(name, found.body);
    if (found.etag !== undefined) this.#known.set(name, { etag: found.etag, text });
    return text;
  }
}

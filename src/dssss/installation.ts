/** An installation of dssss: its master key, wrapped by KMS, and its secrets, all of them parameters of the Parameter Store. */
import { type AwsAccount, awsQueryNames, parseAwsQuery } from '../aws/aws-options.ts';
import { type KmsClient, kmsClient } from '../aws/kms.ts';
import { type SecretParameters, secretParameters } from '../aws/secret-parameters.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import { openRecord } from './record.ts';

const configName = '.dssss.config.json';
const secretPrefix = '.dssss.secret.';
/** GetParameters takes no more. */
const atOnce = 10;

export type InstalledSecret =
  | {
      readonly kind: 'read';
      readonly name: string;
      /** The reader's, to use and to zero. */
      readonly secret: Buffer;
      readonly roles: readonly string[];
    }
  /** It is there, and could not be read. */
  | { readonly kind: 'failed'; readonly name: string; readonly error: CofferError };

export interface Installation extends Disposable {
  /** For people. */
  readonly title: string;
  /** Whether its config says so; dssss itself would begin anew where it does not. */
  readonly active: boolean;
  /** Every secret once, in AWS's order. Rejects where it is not known what is missing. */
  secrets(): AsyncIterable<InstalledSecret>;
}

export interface InstallationOptions {
  /** `dssss`, with `region`, `profile`, `endpoint`, `role_arn` and `external_id` behind `?`. */
  readonly source: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Config {
  readonly ciphertext: Buffer;
  readonly keyArn: string;
  readonly active: boolean;
}

/**
 * Throws `usage` for a source that is none, `not_found` where nothing is installed, `integrity` for a config that is none, and what AWS
 * refuses.
 */
export async function openInstallation({ source, env }: InstallationOptions): Promise<Installation> {
  const account = parseSource(source);
  const parameters = secretParameters({ ...account, env });
  const kms = kmsClient({ ...account, env });
  try {
    const text = (await parameters.values([configName])).get(configName);
    const region = (await parameters.region()) ?? 'that region';
    if (text === undefined) {
      throw new CofferError(
        'not_found',
        `there is no installation of dssss in ${region}: no parameter ${configName}. Is it another region (dssss?region=…) or account?`,
      );
    }
    const config = parseConfig(text);
    const masterKey = await openMasterKey(kms, config);
    return {
      title: `dssss in ${region}`,
      active: config.active,
      secrets: () => secretsOf(parameters, masterKey),
      [Symbol.dispose]: () => {
        masterKey.fill(0);
        parameters.close();
        kms.close();
      },
    };
  } catch (error) {
    parameters.close();
    kms.close();
    throw error;
  }
}

function parseSource(source: string): AwsAccount {
  const [name = '', query = ''] = source.split('?', 2);
  const options = new URLSearchParams(query);
  const unknown = [...options.keys()].find((key) => !awsQueryNames.some((each) => each === key));
  if (name !== 'dssss' || unknown !== undefined) {
    throw new CofferError(
      'usage',
      `an installation is named dssss, or dssss?region=REGION; its options are ${awsQueryNames.join(', ')}`,
    );
  }
  return parseAwsQuery(options);
}

/** `{"MasterKeyCiphertext":"…","KMSArn":"arn:…","Active":true}` */
function parseConfig(text: string): Config {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const config = isJsonObject(value) ? value : {};
  const { MasterKeyCiphertext: encoded, KMSArn: keyArn, Active: active } = config;
  const ciphertext = typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : Buffer.alloc(0);
  if (ciphertext.length > 0 && ciphertext.toString('base64') === encoded && typeof keyArn === 'string')
    return { ciphertext, keyArn, active: active === true };
  throw new CofferError(
    'integrity',
    `the parameter ${configName} is no configuration of dssss: MasterKeyCiphertext, KMSArn and Active in JSON`,
  );
}

async function openMasterKey(kms: KmsClient, { ciphertext, keyArn }: Config): Promise<Buffer> {
  const { plaintext } = await kms.decrypt({ key: keyArn, ciphertext, context: {} });
  if (plaintext.length === 32) return plaintext;
  plaintext.fill(0);
  throw new CofferError('integrity', `the master key in ${configName} has not 32 bytes`);
}

async function* secretsOf(parameters: SecretParameters, masterKey: Buffer): AsyncIterable<InstalledSecret> {
  for await (const page of parameters.names(secretPrefix)) {
    const names = page.filter((name) => name.startsWith(secretPrefix));
    for (let at = 0; at < names.length; at += atOnce) {
      const some = names.slice(at, at + atOnce);
      const values = await parameters.values(some);
      for (const name of some) yield secretOf(name.slice(secretPrefix.length), values.get(name), masterKey);
    }
  }
}

function secretOf(name: string, text: string | undefined, masterKey: Buffer): InstalledSecret {
  try {
    if (text === undefined) throw new CofferError('not_found', 'it was removed meanwhile');
    return { kind: 'read', name, ...openRecord(text, masterKey) };
  } catch (error) {
    return { kind: 'failed', name, error: asCofferError(error) };
  }
}

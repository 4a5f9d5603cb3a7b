/** `coffer doctor aws`: which identity this machine can prove at AWS, and which secrets that opens. */
import { parseArn } from '../auth/aws/arn.ts';
import { provenDocument } from '../auth/aws/identity-proof.ts';
import { type AwsCaller, callerIdentity } from '../aws/caller.ts';
import { instanceMetadata } from '../aws/instance-metadata.ts';
import type { ConnectionOptions } from '../cli/context.ts';
import { type OpensOptions, whatAwsOpens } from '../cli/doctor/aws-opens.ts';
import { type Finding, fail, ok, warn } from '../cli/doctor/finding.ts';
import { type Environment, type Shell, variable } from '../cli/shell.ts';
import { asCofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';

/** Milliseconds for finding credentials and asking STS, with all retries. */
const deadline = 5_000;

export interface AwsIdentity {
  readonly facts: JsonObject;
  readonly findings: readonly Finding[];
}

/** Never rejects. */
export async function checkAws(options: OpensOptions, shell: Shell): Promise<AwsIdentity> {
  const [caller, instance] = await Promise.all([callerOf(shell.env), instanceOf(shell.env)]);
  const findings = [...caller.findings, ...instance.findings];
  if (caller.known === undefined) {
    const facts = { caller: null, instance: instance.facts, server: null, role: null, secrets: null };
    return { facts, findings };
  }
  const opened = await whatAwsOpens(shell, options, isNamed(options, shell.env));
  const { address = null, role = null, secrets = null } = opened;
  return {
    facts: {
      caller: { ...caller.known },
      instance: instance.facts,
      server: address,
      role,
      secrets: secrets === null ? null : [...secrets],
    },
    findings: [...findings, ...opened.findings],
  };
}

/** Whether somebody said which server, as against the one that is there where nobody does. */
function isNamed({ address, safe }: ConnectionOptions, env: Environment): boolean {
  const said = [
    address,
    safe,
    ...['COFFER_ADDR', 'COFFER_SAFE', 'VAULT_ADDR'].map((name) => variable(env, name)),
  ];
  return said.some((each) => each !== undefined && !/^(?:credstash|file):/i.test(each));
}

async function callerOf(
  env: Environment,
): Promise<{ readonly known: AwsCaller | undefined; readonly findings: readonly Finding[] }> {
  try {
    const known = await callerIdentity({ env, deadline });
    return { known, findings: [ok('credentials', `prove ${known.arn}, ${wordsFor(known)}`)] };
  } catch (error) {
    const advice =
      'without them only an instance can log in, by its document: attach a role, or name a profile';
    return { known: undefined, findings: [fail('credentials', asCofferError(error).message, advice)] };
  }
}

/** As lists of secrets name it. */
function wordsFor({ arn, account }: AwsCaller): string {
  const parsed = parseArn(arn);
  switch (parsed?.kind) {
    case 'assumed-role':
      return `a session of the role ${parsed.name} of account ${account}`;
    case 'user':
      return `the user ${account}:user${parsed.path}${parsed.name}`;
    default:
      return `of account ${account}`;
  }
}

interface InstanceSeen {
  readonly facts: JsonObject | null;
  readonly findings: readonly Finding[];
}

async function instanceOf(env: Environment): Promise<InstanceSeen> {
  const ask = await instanceMetadata(env);
  const check = 'instance document';
  if (ask === undefined) {
    return { facts: null, findings: [ok(check, 'none: no metadata service answers by IMDSv2')] };
  }
  const pkcs7 = await ask('dynamic/instance-identity/rsa2048');
  if (pkcs7 === undefined || pkcs7 === '') {
    const advice = 'an instance of EC2 has one; containers log in by their credentials';
    return { facts: null, findings: [warn(check, 'the metadata service has none', advice)] };
  }
  try {
    const { document } = await provenDocument({ pkcs7 }, { configured: [] });
    const { accountId, region, instanceId, imageId } = document;
    const message = `proves ${instanceId} in ${region}, of account ${accountId} and image ${imageId}`;
    return {
      facts: { account: accountId, region, instance: instanceId, image: imageId },
      findings: [ok(check, message)],
    };
  } catch (error) {
    const advice = 'a server takes it only if it knows the certificate: auth/aws/config/certificate/NAME';
    return { facts: null, findings: [warn(check, asCofferError(error).message, advice)] };
  }
}

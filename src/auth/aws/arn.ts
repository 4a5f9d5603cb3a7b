/** Amazon's names of principals, taken apart: what is compared is an account, a kind and a name with its path, never a text that looks alike. */
import { CofferError } from '../../errors.ts';

export type PrincipalKind = 'root' | 'user' | 'role' | 'assumed-role' | 'federated-user' | 'instance-profile';

export interface PrincipalArn {
  /** `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly partition: string;
  readonly service: 'iam' | 'sts';
  /** Twelve digits. */
  readonly account: string;
  readonly kind: PrincipalKind;
  /** With slashes at both ends; `/` for none. What STS names has no path, even where the role has one. */
  readonly path: string;
  /** The last part: of an assumed role the role's name. Empty for `root`. */
  readonly name: string;
  /** Of an assumed role. */
  readonly session: string | undefined;
}

const form =
  /^arn:(aws(?:-[a-z]+)*):(iam|sts)::(\d{12}):(root|(?:user|role|assumed-role|federated-user|instance-profile)\/[\w+=,.@/-]+)$/;

/** Undefined for what is no ARN of a principal; case counts. */
export function parseArn(text: string): PrincipalArn | undefined {
  if (text.length > 2_048) return undefined;
  const [, partition, service, account, resource] = form.exec(text) ?? [];
  if (partition === undefined || account === undefined || resource === undefined) return undefined;
  if (service !== 'iam' && service !== 'sts') return undefined;
  const common = { partition, service, account, session: undefined } as const;
  if (resource === 'root') return { ...common, kind: 'root', path: '/', name: '' };
  const [kind, ...parts] = resource.split('/');
  const name = parts.pop();
  if (!isKind(kind) || kind === 'root' || name === undefined || name === '' || parts.includes(''))
    return undefined;
  if ((kind === 'assumed-role' || kind === 'federated-user') !== (service === 'sts')) return undefined;
  if (kind === 'assumed-role') {
    const [role, another] = parts;
    return role === undefined || another !== undefined
      ? undefined
      : { ...common, kind, path: '/', name: role, session: name };
  }
  if (kind === 'federated-user' && parts.length > 0) return undefined;
  return { ...common, kind, path: parts.length === 0 ? '/' : `/${parts.join('/')}/`, name };
}

/**
 * Who stands behind it, as IAM names them: a session of a role is the role. A role's path is not in what STS says, so it is left
 * out of all roles and users alike, as Vault does; who has to tell paths apart asks for unique ids.
 */
export function canonicalArn({ partition, account, kind, name }: PrincipalArn): string {
  if (kind === 'federated-user') return `arn:${partition}:sts::${account}:federated-user/${name}`;
  if (kind === 'root') return `arn:${partition}:iam::${account}:root`;
  return `arn:${partition}:iam::${account}:${kind === 'assumed-role' ? 'role' : kind}/${name}`;
}

/**
 * A bind that may end in `*`. Partition, service and account have to be there in full, so that no pattern reaches a principal of the
 * same name in somebody else's account. Throws `invalid_request`.
 */
export function checkArnBind(text: string, field: string, kinds: readonly PrincipalKind[]): string {
  const pattern = text.endsWith('*');
  const bare = pattern ? text.slice(0, -1) : text;
  const rest = /^arn:aws(?:-[a-z]+)*:(?:iam|sts)::\d{12}:(.*)$/.exec(bare)?.[1];
  if (rest === undefined || bare.includes('*')) {
    throw refused(
      `"${field}" holds ARNs such as arn:aws:iam::123456789012:role/app; "*" is taken at the end only, behind the account`,
    );
  }
  if (pattern) {
    const begins = kinds.some((kind) => `${kind}/`.startsWith(rest) || rest.startsWith(`${kind}/`));
    if (!begins) throw refused(`"${field}" can match none of ${kinds.join(', ')}`);
    return text;
  }
  const parsed = parseArn(bare);
  if (parsed === undefined || !kinds.includes(parsed.kind))
    throw refused(`"${field}" holds ARNs of ${kinds.join(', ')}`);
  return text;
}

/** Whether an ARN is one that a bind names: the same, or what stands before its `*`. */
export function matchesArn(bind: string, arn: string): boolean {
  return bind.endsWith('*') ? arn.startsWith(bind.slice(0, -1)) : bind === arn;
}

function isKind(text: string | undefined): text is PrincipalKind {
  return (
    text === 'root' ||
    text === 'user' ||
    text === 'role' ||
    text === 'assumed-role' ||
    text === 'federated-user' ||
    text === 'instance-profile'
  );
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}

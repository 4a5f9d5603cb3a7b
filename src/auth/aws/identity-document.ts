/** What an instance says of itself (EC2's instance identity document), once AWS's signature has been found right. */
import { CofferError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';

export interface IdentityDocument {
  readonly accountId: string;
  readonly region: string;
  readonly instanceId: string;
  readonly imageId: string;
  /** Milliseconds: when the instance was last started. */
  readonly pendingTime: number;
}

/** Bytes; real ones have some 500. */
const longest = 8_192;

/** Throws `invalid_request` for what is no document, in words that name the member and not what it holds. */
export function parseIdentityDocument(bytes: Buffer): IdentityDocument {
  if (bytes.length > longest) throw refused('it is too long');
  const said = jsonOf(bytes);
  const member = (name: string, form: RegExp) => {
    const value = isJsonObject(said) && Object.hasOwn(said, name) ? said[name] : undefined;
    if (typeof value !== 'string' || !form.test(value)) throw refused(`its ${name} is missing or is none`);
    return value;
  };
  return {
    accountId: member('accountId', /^\d{12}$/),
    region: member('region', /^(?=.{1,40}$)[a-z]{2,}(-[a-z]+)+-\d{1,2}$/),
    instanceId: member('instanceId', /^i-[0-9a-f]{8,17}$/),
    imageId: member('imageId', /^ami-[0-9a-f]{8,17}$/),
    pendingTime: Date.parse(member('pendingTime', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)),
  };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw refused('it is not JSON');
  }
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', `the instance identity document is refused: ${reason}`);
}

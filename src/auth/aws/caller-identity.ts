/**
 * STS's answer to GetCallerIdentity. Read by hand and only in the form that STS has always answered in: what a general reader of
 * XML or JSON would take as well (comments, CDATA, entities, a second element of the name) is a refusal here.
 */
import { CofferError } from '../../errors.ts';
import { type PrincipalArn, parseArn } from './arn.ts';

export interface CallerIdentity {
  /** As STS says it: of a role its session, without the role's path. */
  readonly arn: string;
  readonly principal: PrincipalArn;
  /** What AWS gives a principal once and never again. */
  readonly uniqueId: string;
  /** With a role's session behind a colon, as STS says it. */
  readonly userId: string;
}

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';
/** Bytes; the answer has some 600. */
export const longestIdentityAnswer = 8_192;

interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

/** Rejects with `permission_denied` and the reason, which stays inside. */
export function readCallerIdentity(contentType: string, body: Buffer): CallerIdentity {
  if (contentType !== 'text/xml') throw refused('it is not XML');
  if (body.length > longestIdentityAnswer) throw refused('it is too long');
  const text = body.toString('latin1');
  // Nothing that STS says of a principal is beyond ASCII, so no encoding can hide anything.
  if (!/^[\t\r\n -~]+$/.test(text)) throw refused('it holds what none may');
  const result = resultOf(parse(text));
  const [arn, userId, account] = ['Arn', 'UserId', 'Account'].map((name) => single(result, name));
  if (result.children.length !== 3) throw refused('its result has more than three parts');
  return identityOf(arn ?? '', userId ?? '', account ?? '');
}

function resultOf(root: Element): Element {
  const results = root.children.filter(({ name }) => name === 'GetCallerIdentityResult');
  const others = root.children.filter(({ name }) => name === 'ResponseMetadata');
  const [result] = results;
  if (result === undefined || results.length > 1 || others.length > 1) throw refused('it has not one result');
  if (root.children.length !== results.length + others.length) throw refused('it has parts that none has');
  return result;
}

function single({ children }: Element, name: string): string {
  const [found, another] = children.filter((child) => child.name === name);
  if (found === undefined || another !== undefined || found.children.length > 0)
    throw refused(`it has not exactly one ${name}`);
  return found.text;
}

/** The three parts say the same. */
function identityOf(arn: string, userId: string, account: string): CallerIdentity {
  const principal = parseArn(arn);
  if (principal === undefined || principal.kind === 'role' || principal.kind === 'instance-profile')
    throw refused('its Arn is of no caller');
  if (!/^\d{12}$/.test(account) || principal.account !== account)
    throw refused('its Account is another than that of its Arn');
  const [, uniqueId, session] = /^([A-Za-z0-9]{12,128})(?::([\w+=,.@-]{1,64}))?$/.exec(userId) ?? [];
  if (uniqueId === undefined) throw refused('its UserId is none');
  if (principal.kind === 'assumed-role' ? session !== principal.session : !sessionFits(principal, session))
    throw refused('its UserId is of another session than its Arn');
  return { arn, principal, uniqueId, userId };
}

/** Of a federated user the UserId is its account and its name; users and roots have no session. */
function sessionFits({ kind, name }: PrincipalArn, session: string | undefined): boolean {
  return kind === 'federated-user' ? session === name : session === undefined;
}

const tag = /\s*<(\/?)([A-Za-z]{1,64})( xmlns="[^"<>&]{0,128}")?>([^<&>]*)/y;

function parse(text: string): Element {
  const head =
    /^(?:<\?xml version=(["'])1\.0\1(?: encoding=(["'])(?:UTF|utf)-8\2)?\s?\?>)?/.exec(text)?.[0] ?? '';
  tag.lastIndex = head.length;
  const first = tag.exec(text);
  const [, closing, name, declared] = first ?? [];
  if (closing !== '' || name !== 'GetCallerIdentityResponse' || declared !== ` xmlns="${namespace}"`)
    throw refused('it does not begin as STS answers');
  const root = finish(text, name, first?.[4] ?? '', 0);
  if (text.slice(tag.lastIndex).trim() !== '') throw refused('something follows it');
  return root;
}

/** What is between an element's beginning, which was just read, and its end. */
function finish(text: string, name: string, begun: string, depth: number): Element {
  const children: Element[] = [];
  if (depth > 3) throw refused('it is too deep');
  for (;;) {
    const found = tag.exec(text);
    const [, closing, next, declared, content = ''] = found ?? [];
    if (next === undefined || declared !== undefined)
      throw refused('it is not in the form that STS answers in');
    if (closing === '') {
      if (begun.trim() !== '') throw refused('it mixes text and elements');
      children.push(finish(text, next, content, depth + 1));
      continue;
    }
    if (next !== name) throw refused('its elements do not fit together');
    if (content.trim() !== '') throw refused('it has text where none is');
    return { name, text: begun, children };
  }
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', `what STS answered is not taken: ${reason}`);
}

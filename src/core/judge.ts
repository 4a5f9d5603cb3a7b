/**
 * What the rules of a token's policies say of a request. The road decides by this, and what explains
 * decisions asks the same function, so that the two cannot differ.
 */
import type { Destination } from './destination.ts';
import type { ApiPath } from './path.ts';
import type { Acl, Decision, DecisionRequest } from './policy/acl.ts';

export interface Judgement {
  readonly decision: Decision | { readonly kind: 'allow'; readonly reason: string };
  /** The form of the path whose rules decided. */
  readonly path: ApiPath;
}

export const openToEveryone = { kind: 'allow', reason: 'open to everyone' } as const;
const leftToEngine = { kind: 'allow', reason: 'no rule, and the engine decides' } as const;
const showsOwnOnly = { kind: 'allow', reason: 'shows only what the caller may use' } as const;

/** The decision about a request with a living token. `operation` tells `create` from `update`. */
export function judge(
  acl: Acl,
  request: Pick<DecisionRequest, 'operation' | 'path' | 'data' | 'wrapTtl'>,
  destination: Destination,
): Judgement {
  const { operation, path, data, wrapTtl = 0 } = request;
  const { spec } = destination;
  if (spec?.login === true) return { decision: openToEveryone, path };
  if (spec?.useExempt === true) return { decision: showsOwnOnly, path };
  const sudo = spec?.sudo === true;
  const ruled = acl.decide({ operation, path, data, sudo, wrapTtl });
  const unruled = ruled.kind === 'deny' && ruled.reason === 'no-rule';
  const decision = unruled && spec?.ownDecision === true ? leftToEngine : ruled;
  const handled = pathHandled(operation, path, destination);
  if (decision.kind === 'deny' || handled === path) return { decision, path };
  const asHandled = acl.decide({ operation, path: handled, data, sudo, wrapTtl });
  if (asHandled.kind === 'deny' && asHandled.reason === 'no-rule') return { decision, path };
  return { decision: withConsentOf(decision, asHandled), path: handled };
}

/** The second form decides; what the first one wants to be approved it wants all the same. */
function withConsentOf(asSent: Judgement['decision'], asHandled: Decision): Decision {
  if (asSent.kind !== 'needs-approval' || asHandled.kind === 'deny') return asHandled;
  if (asHandled.kind === 'allow') return asSent;
  if (asHandled.rule === asSent.rule) return asHandled;
  const [one, other] = [asSent.approval, asHandled.approval];
  const approval = { ttl: Math.min(one.ttl, other.ttl), factors: [...one.factors, ...other.factors] };
  return { ...asHandled, approval };
}

/**
 * The path in the form that names what the handler will touch, where several forms name one thing: without the trailing `/`
 * that only listings know, and with folded names. Rules for it hold for the other forms too, or they would be a way around it.
 */
export function pathHandled(
  operation: DecisionRequest['operation'],
  path: ApiPath,
  { route, endpoint }: Pick<Destination, 'route' | 'endpoint'>,
): ApiPath {
  const listing = operation === 'list' || operation === 'scan';
  const bare = !listing && path.endsWith('/') ? path.slice(0, -1) : path;
  if (endpoint?.foldsNames !== true || route === undefined) return bare as ApiPath;
  const mount = route.mount.entry.path.length;
  const folded = bare.slice(mount).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return (bare.slice(0, mount) + folded) as ApiPath;
}

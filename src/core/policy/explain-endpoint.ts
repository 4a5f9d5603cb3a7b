/** `sys/policies/explain`: why a request would be allowed or denied. */
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields } from '../endpoint.ts';
import { judge } from '../judge.ts';
import type { CoreRooms } from '../rooms.ts';
import type { ReadToken } from '../token/reader.ts';
import type { Acl } from './acl.ts';
import { explanationOf, explanationSchema } from './explanation.ts';
import { parsePolicyName } from './name.ts';
import { destinationOf, judgeQuestion, parametersField, parseQuestion, questionFields } from './question.ts';
import { fillingOf } from './store.ts';
import type { Filling } from './template.ts';

const explainFields = {
  ...questionFields,
  ...parametersField,
  token: { type: 'string', help: 'Ask for this token; needs sudo unless it is one’s own.', sensitive: true },
  accessor: { type: 'string', help: 'Ask for the token with this accessor; needs sudo.' },
  policies: { type: 'list', help: 'Ask for a token with these policies; needs sudo.' },
} as const satisfies Fields;

type ExplainCall = CoreCall<typeof explainFields>;

/** Policies asked about at once. */
const mostPolicies = 100;

export function explainEndpoint(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'policies/explain',
    help: 'Says what would be decided about a request, by which rule, and what it would take. Nothing is done. Without token, accessor and policies it is about the token that asks.',
    fields: explainFields,
    operations: {
      update: {
        summary: 'Explain a decision',
        response: explanationSchema,
        handle: async (call) => ({ data: await explain(rooms, call) }),
      },
    },
  });
}

async function explain(rooms: CoreRooms, call: ExplainCall) {
  const { path, operation, parameters } = call.fields;
  const question = parseQuestion(path, operation, parameters);
  const sudo = hasSudo(rooms, call);
  const { names, acl, filling } = await subject(rooms, call, sudo);
  const judged = judgeQuestion(rooms, acl, question);
  const mount = judged.destination.route?.mount.entry.path;
  const tellsMounts = sudo || (mount !== undefined && call.acl?.reaches(mount) === true);
  return explanationOf(question, judged, names, await rooms.policies.load(names, filling), tellsMounts);
}

interface Subject {
  readonly names: readonly string[];
  readonly acl: Acl;
  /** What templates are filled with. */
  readonly filling: Filling | undefined;
}

/** Whose decision it is. Only who has sudo learns of others; asked without it, there is one answer whatever exists. */
async function subject(rooms: CoreRooms, call: ExplainCall, sudo: boolean): Promise<Subject> {
  const { token, accessor, policies } = call.fields;
  const own = call.token?.record;
  if (call.token === undefined || own === undefined || call.acl === undefined)
    throw new CofferError('internal', 'a call without a token');
  if ([token, accessor, policies].filter((given) => given !== undefined).length > 1) {
    throw new CofferError('invalid_request', 'give one of token, accessor and policies');
  }
  const isOwn = token === undefined ? accessor === own.accessor : rooms.tokens.idOf(token) === own.id;
  if (isOwn || (token === undefined && accessor === undefined && policies === undefined)) {
    return { names: call.token.policies, acl: call.acl, filling: fillingOf(call.token) };
  }
  if (!sudo) {
    throw new CofferError('permission_denied', 'explaining what others may do needs sudo on this path');
  }
  const { policies: current } = rooms.epoch();
  if (policies !== undefined) {
    const names = named(policies);
    return { names, acl: await rooms.policies.acl(names, current), filling: undefined };
  }
  const other = await otherToken(rooms, token, accessor);
  const acl = await rooms.policies.aclOf(other, current);
  return { names: other.policies, acl, filling: fillingOf(other) };
}

async function otherToken(
  rooms: CoreRooms,
  token: string | undefined,
  accessor: string | undefined,
): Promise<ReadToken> {
  if (token !== undefined) return existing((await rooms.tokenReader.present(token)).token);
  const id = (await rooms.tokens.readByAccessor(accessor ?? ''))?.record.id;
  return existing(id === undefined ? undefined : (await rooms.tokenReader.read(id)).token);
}

function existing(token: ReadToken | undefined): ReadToken {
  if (token === undefined) throw new CofferError('invalid_request', 'there is no such token');
  return token;
}

function named(policies: readonly string[]): readonly string[] {
  if (policies.length === 0) throw new CofferError('invalid_request', 'policies is empty');
  if (policies.length > mostPolicies) {
    throw new CofferError('invalid_request', `at most ${mostPolicies} policies can be asked about at once`);
  }
  return [...new Set<string>(policies.map(parsePolicyName))].toSorted();
}

/** As if this endpoint were one that needs sudo. */
function hasSudo(rooms: CoreRooms, { acl, path, data }: ExplainCall): boolean {
  if (acl === undefined) return false;
  const destination = destinationOf(rooms, { path, operation: 'update', data });
  const { spec } = destination;
  if (spec === undefined) return false;
  const asked = { operation: 'update', path, data } as const;
  return judge(acl, asked, { ...destination, spec: { ...spec, sudo: true } }).decision.kind === 'allow';
}

/** What the agent or the way to it said, in our own words: its texts quote keys and tokens' accessors, so none of them goes further. */
import { CofferError } from '../../errors.ts';
import { type AgentAnswer, AgentLost } from './agent.ts';

/**
 * What an answer that is no success says of the work.
 *
 * - `refused`: nothing was done, and asking again would not help by itself.
 * - `busy`: nothing was done, and it may be asked again a little later.
 * - `open`: it may have been done.
 */
export interface Failure {
  readonly kind: 'refused' | 'busy' | 'open';
  readonly reason: string;
  /** It is for an administrator to change, so it is told as the store's at its opening. */
  readonly lasting?: boolean;
}

export const refusedToken: Failure = {
  kind: 'refused',
  reason: 'Consul refuses the token, or the token may not do that; see its policy',
  lasting: true,
};

/** Words of Consul for what is not done, wherever they stand in its answer. Its codes do not tell these apart. */
const words: readonly (readonly [RegExp, Failure])[] = [
  [/No cluster leader/, { kind: 'refused', reason: 'Consul has no leader (no quorum of its servers)' }],
  [/No known Consul servers/, { kind: 'refused', reason: 'the agent knows no server of Consul' }],
  [
    /No path to datacenter/,
    { kind: 'refused', reason: 'Consul knows no such datacenter, or no way to it', lasting: true },
  ],
  [
    /Not ready to serve consistent reads/,
    { kind: 'busy', reason: 'the leader of Consul has only just been elected' },
  ],
  [
    /rate limit exceeded/i,
    { kind: 'busy', reason: 'Consul limits the rate of requests, and it is exceeded' },
  ],
  [/Permission denied|ACL not found/, refusedToken],
];

export function failureOfAnswer({ status, body }: Pick<AgentAnswer, 'status' | 'body'>): Failure {
  const text = body.toString('latin1', 0, 4_096);
  const known = words.find(([word]) => word.test(text))?.[1];
  // A word is believed of refusals only: an answer of another kind may quote what somebody stored.
  if (status >= 400 && known !== undefined) return known;
  if (status === 403) return refusedToken;
  if (status === 429)
    return { kind: 'busy', reason: 'Consul limits the rate of requests, and it is exceeded' };
  if (status === 413) {
    const reason =
      'Consul takes no request of this size; see limits.txn_max_req_len and limits.kv_max_value_size';
    return { kind: 'refused', reason, lasting: true };
  }
  if (status === 400 || status === 404 || status === 405) {
    return {
      kind: 'refused',
      reason: `what answers is not Consul as it should be (status ${status})`,
      lasting: true,
    };
  }
  return { kind: 'open', reason: `Consul answered with status ${status}` };
}

/** The agent's own word for ours, sealed like all it says: TLS 1.3 tells it only after we have begun to speak (RFC 8446 §4.4.2.4). */
const refusedCertificate = /_ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

export function failureOfLoss({ sent, late, code }: AgentLost): Failure {
  if (/CERT|SIGNATURE|ERR_TLS|ERR_SSL|EPROTO/.test(code)) {
    const reason = `the certificate of Consul's agent is not one to trust, or it speaks no TLS (${code}); see CONSUL_CACERT`;
    // Anybody on the way can break a connection so, also behind a call that has arrived.
    return { kind: sent && !refusedCertificate.test(code) ? 'open' : 'refused', reason };
  }
  if (code === 'ANSWER_TOO_LONG')
    return { kind: 'open', reason: 'Consul answered with more than was asked for' };
  const reason = late
    ? 'Consul took too long'
    : `Consul's agent cannot be reached, or broke the connection (${code})`;
  return { kind: sent ? 'open' : 'refused', reason };
}

/** `unavailable`. `outcome` says what became of the work: nothing for reads. */
export function errorOf({ reason }: Failure, outcome = ''): CofferError {
  return new CofferError('unavailable', `the store did not answer: ${reason}${outcome}`);
}

/** Of anything that was thrown on the way. */
export function asFailure(error: unknown): Failure {
  if (error instanceof AgentLost) return failureOfLoss(error);
  if (error instanceof Refusal) return error.failure;
  throw error;
}

/** A failure on its way to whoever says it. */
export class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

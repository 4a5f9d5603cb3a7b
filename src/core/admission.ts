/** What the road says before a request is one: by quotas and strangers' measures, of this process or of several together. */
import type { Clock } from '../clock.ts';
import type { Telemetry } from './meter.ts';
import type { ApiPath } from './path.ts';
import type { Peers } from './peers.ts';
import { admit, admitTogether } from './quota/admit.ts';
import { type StrangerLimit, Strangers } from './quota/strangers.ts';
import type { RateVerdict, Road } from './request.ts';
import type { SealState } from './seal-state.ts';

export interface AdmissionOptions {
  readonly state: SealState;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly peers?: Peers | undefined;
}

/** Strangers as this process counts them, and hears of them from the others. */
export function strangersWith(
  limits: () => StrangerLimit,
  { clock, peers }: Pick<AdmissionOptions, 'clock' | 'peers'>,
): Strangers {
  const strangers = new Strangers(limits, (origin) => peers?.tell('charged', origin));
  peers?.hear('charged', (origin) => void strangers.note(origin, clock.steady()));
  return strangers;
}

export function admission(
  { state, clock, telemetry, peers }: AdmissionOptions,
  strangers: Strangers,
): Pick<Road, 'admit' | 'admitTogether'> {
  const counted = <V extends RateVerdict | undefined>(verdict: V): V => {
    if (verdict?.admitted === false) telemetry.tally('rate_limited');
    return verdict;
  };
  const visitor = (path: ApiPath, remoteAddress: string, bearer: boolean) => ({
    path,
    remoteAddress,
    bearer,
    now: clock.steady(),
  });
  const own: Pick<Road, 'admit'> = {
    admit: (...visit) => counted(admit(state.core, strangers, visitor(...visit))),
  };
  if (peers === undefined) return own;
  return {
    ...own,
    admitTogether(...visit) {
      const verdict = admitTogether(state.core, strangers, visitor(...visit), peers.take);
      return verdict instanceof Promise ? verdict.then(counted) : counted(verdict);
    },
  };
}

/** What a look works with outside: the provider and the targets, each in its turn and within its bounds. */

import type { View } from '../../core/view.ts';
import type { OpenTarget } from '../../delivery/target.ts';
import type { OpenProvider, ProviderTurn, ServiceUser } from '../../service-user/provider.ts';
import type { OutsideTurn } from '../engine.ts';
import type { Application, WantedTarget } from './application.ts';
import type { Gates } from './gate.ts';
import type { Look } from './look.ts';
import type { OpenTargets } from './open-targets.ts';
import { callOutside, isOfTheDuty } from './outside.ts';
import { providerSubject } from './plan.ts';
import { failureOf } from './trouble.ts';

/** Where configured providers are opened. */
export interface ProviderSource {
  /** Throws `invalid_request` where there is none that could be used. Its `close` is not the caller's. */
  of(view: View, name: string): Promise<OpenProvider>;
}

export interface Tools {
  readonly providers: ProviderSource;
  readonly targets: OpenTargets;
  readonly gates: Gates;
  readonly turn: OutsideTurn;
}

/** A call that came to nothing; its subject is not asked again in this look. */
export class Failed extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('a call outside failed');
    this.cause = cause;
  }
}

/** The provider of the application. Throws `Failed`. */
export function openProvider(look: Look, { providers }: Tools): Promise<OpenProvider> {
  return noting(look, providerSubject, () => providers.of(look.view, look.application.provider));
}

/** One call of the provider. Throws `Failed`. */
export async function askProvider<T>(
  look: Look,
  tools: Tools,
  call: (provider: OpenProvider, turn: ProviderTurn) => Promise<T>,
): Promise<T> {
  const provider = await openProvider(look, tools);
  const gate = tools.gates.of(`provider ${look.application.provider}`);
  const place = { gate, limit: provider.concurrency };
  return noting(look, providerSubject, () =>
    callOutside(place, tools.turn, (signal) => call(provider, { view: look.view, signal })),
  );
}

/** One call of a target. Throws `Failed`. */
export function askTarget(
  look: Look,
  tools: Tools,
  wanted: WantedTarget,
  call: (target: OpenTarget, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  return noting(look, wanted.address, () =>
    tools.targets.use(wanted, (target) => {
      const gate = tools.gates.of(`target ${target.place}`);
      const limit = look.settings.targetConcurrency;
      return callOutside({ gate, limit }, tools.turn, (signal) => call(target, signal));
    }),
  );
}

async function noting<T>(look: Look, subject: string, call: () => Promise<T>): Promise<T> {
  try {
    const answer = await call();
    look.worked(subject);
    return answer;
  } catch (error) {
    if (isOfTheDuty(error)) throw error;
    look.failed(subject, failureOf(error));
    throw new Failed(error);
  }
}

/** The application as its provider is told of it. */
export function serviceUser(application: Application): ServiceUser {
  const { id, username, name, subtitle, team, scopes, confidential, redirectUrl } = application;
  return { username, application: id, name, subtitle, team, scopes, confidential, redirectUrl };
}

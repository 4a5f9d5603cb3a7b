/** How one mount locks names after failed logins, where it was told so: `user_lockout_config` (Vault API, "user lockout"). */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Fields } from '../endpoint.ts';
import { coerceFields } from '../field.ts';
import { defaultLockout, type LockoutSettings, type MountLockout } from './lock-state.ts';

const fields = {
  lockout_threshold: { type: 'int', help: 'Failures that lock a name at one origin.' },
  lockout_duration: { type: 'duration', help: 'How long the first lock lasts.' },
  lockout_counter_reset: {
    type: 'duration',
    help: 'When failures are forgotten.',
    aliases: ['lockout_counter_reset_duration'],
  },
  lockout_disable: { type: 'bool', help: 'Names are not locked at all.' },
} as const satisfies Fields;

const mostFailures = 1_000_000;

/** What is not sent stays as it was; 0 is the method's own again. Throws `invalid_request` for what cannot be. */
export function parseLockout(sent: JsonObject, before: MountLockout | undefined): MountLockout | undefined {
  const { values, unknown } = coerceFields(fields, sent);
  if (unknown.length > 0) {
    throw new CofferError(
      'invalid_request',
      `user_lockout_config has ${Object.keys(fields).join(', ')}; it knows no "${String(unknown[0]).slice(0, 60)}"`,
    );
  }
  const threshold = number(values['lockout_threshold'], before?.threshold);
  if (threshold !== undefined && (threshold < 0 || threshold > mostFailures)) {
    throw new CofferError('invalid_request', `lockout_threshold is from 1 to ${mostFailures}`);
  }
  const duration = number(values['lockout_duration'], before?.duration);
  const reset = number(values['lockout_counter_reset'], before?.reset);
  const disabled = values['lockout_disable'] ?? before?.disabled;
  const wanted: MountLockout = {
    ...(threshold ? { threshold } : {}),
    ...(duration ? { duration } : {}),
    ...(reset ? { reset } : {}),
    ...(disabled === true ? { disabled } : {}),
  };
  return Object.keys(wanted).length === 0 ? undefined : wanted;
}

function number(sent: unknown, before: number | undefined): number | undefined {
  return typeof sent === 'number' ? sent : before;
}

/** The settings in force: what the mount was told, over what its method would do by itself. */
export function settingsUnder(own: LockoutSettings, told: MountLockout | undefined): LockoutSettings {
  if (told === undefined) return own;
  const threshold = told.threshold ?? own.threshold;
  const duration = told.duration === undefined ? own.duration : told.duration * 1_000;
  return {
    threshold,
    duration,
    longest: own.longest === own.duration ? duration : Math.max(own.longest, duration),
    reset: told.reset === undefined ? own.reset : told.reset * 1_000,
    // In proportion: strangers together are never stopped by fewer failures than one of them alone.
    strangersThreshold: Math.ceil((own.strangersThreshold * threshold) / own.threshold),
    ...(own.strangersLongest === undefined
      ? {}
      : { strangersLongest: Math.max(own.strangersLongest, duration) }),
    ...(told.disabled === true ? { disabled: true } : {}),
  };
}

/** As the wire has it below a mount's `config`. */
export function shownLockout(told: MountLockout): JsonObject {
  const settings = settingsUnder(defaultLockout, told);
  return {
    user_lockout_counter_reset_duration: settings.reset / 1_000,
    user_lockout_threshold: settings.threshold,
    user_lockout_duration: settings.duration / 1_000,
    user_lockout_disable: settings.disabled === true,
  };
}

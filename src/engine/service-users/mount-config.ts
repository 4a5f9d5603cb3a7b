/** What holds for all applications of a mount. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';

export interface MountSettings {
  /** Stands before an application's id in its user's name. */
  readonly usernamePrefix: string;
  /** Seconds, as are all durations here. */
  readonly passwordPeriod: number;
  readonly clientPeriod: number;
  /** How long old credentials stay good beside new ones, at least. */
  readonly overlap: number;
  /** How long, beyond the overlap, retiring waits for readers that were seen lately and are behind. */
  readonly readerPatience: number;
  /** Readers that were seen within this time count. */
  readonly readerWindow: number;
  /** How long a disabled user stays before it is deleted. */
  readonly deletionGrace: number;
  /** Calls side by side to one place of targets. */
  readonly targetConcurrency: number;
  readonly defaultProvider: string;
  /** URL that access tokens of the provider `builtin` name as their issuer, without a `/` at its end; empty for the server's own address. */
  readonly issuer: string;
  /** All rotation of the mount. */
  readonly paused: boolean;
  /** Where applications are registered: here (`own`), or at a registry that speaks Kio's API. */
  readonly registry: 'own' | 'kio';
  readonly registryUrl: string;
  /** Bearer token for the registry; a secret. */
  readonly registryToken: string;
  readonly registryInterval: number;
  /** From 0 to 1: a registry that loses more of its active applications at once waits for a person's word. */
  readonly shrinkLimit: number;
}

export const standardSettings: MountSettings = {
  usernamePrefix: 'stups_',
  passwordPeriod: 7_200,
  clientPeriod: 2_592_000,
  overlap: 900,
  readerPatience: 3_600,
  readerWindow: 1_800,
  deletionGrace: 86_400,
  targetConcurrency: 32,
  defaultProvider: 'builtin',
  issuer: '',
  paused: false,
  registry: 'own',
  registryUrl: '',
  registryToken: '',
  registryInterval: 10,
  shrinkLimit: 0.1,
};

export const settingsPath = 'config';

export function encodeSettings(settings: MountSettings): Buffer {
  return encodeStored(settings);
}

/** What the mount says, or the standard where it says nothing. */
export function decodeSettings(value: Buffer | undefined): MountSettings {
  return value === undefined
    ? standardSettings
    : { ...standardSettings, ...decodeStored<MountSettings>(value) };
}

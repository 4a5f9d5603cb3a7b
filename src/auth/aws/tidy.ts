/**
 * Tidying: what instances that are long gone left, and denied tags that would be none any more, go in steps, each an entry of the
 * expiry duty that says where the next one begins. Begun by hand, and by itself at each login of an instance unless that is
 * switched off, once a day.
 */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { accessFolder } from './access-list.ts';
import { deniedTagFolder, tagAt } from './denied-tags.ts';
import { isTag } from './role-tag.ts';

interface TidySettings {
  /** Seconds that something is kept after its end. */
  readonly safetyBuffer: number;
  readonly disablePeriodic: boolean;
}

const usual: TidySettings = { safetyBuffer: 72 * 3_600, disablePeriodic: false };

/** What is tidied, with the names of its endpoints: the present one, and the one of older clients. */
const kinds = [
  { folder: accessFolder, names: ['identity-accesslist', 'identity-whitelist'], what: 'logins of instances' },
  { folder: deniedTagFolder, names: ['roletag-denylist', 'roletag-blacklist'], what: 'denied role tags' },
] as const;
type Kind = (typeof kinds)[number];

const prefix = 'tidy/';
const recordsAStep = 500;
/** Milliseconds between steps, and between tidyings that begin by themselves. */
const pause = 1_000;
const everySoOften = 24 * 3_600_000;

const fields = {
  safety_buffer: {
    type: 'duration',
    help: 'How long something is kept after its end; 72 hours when absent.',
  },
  disable_periodic_tidy: { type: 'bool', help: 'Tidy only when asked.' },
} as const;

export function tidyEndpoints(): readonly Endpoint[] {
  return kinds.flatMap((kind) =>
    kind.names.flatMap((name) => [configEndpoint(kind, name), runEndpoint(kind, name)]),
  );
}

function configEndpoint(kind: Kind, name: string): Endpoint {
  const path = `config/tidy/${kind.names[0]}`;
  return endpoint({
    pattern: `config/tidy/${name}`,
    help: `How ${kind.what} are tidied.`,
    fields,
    exists: async (call) => (await call.view.read(path)) !== undefined,
    operations: {
      read: {
        summary: `Show how ${kind.what} are tidied`,
        response: { safety_buffer: { type: 'duration' }, disable_periodic_tidy: { type: 'bool' } },
        handle: async (call) => {
          const sealed = await call.view.read(path);
          if (sealed === undefined) return undefined;
          const { safetyBuffer, disablePeriodic } = decodeStored<TidySettings>(sealed.open());
          return { data: { safety_buffer: safetyBuffer, disable_periodic_tidy: disablePeriodic } };
        },
      },
      update: {
        summary: `Set how ${kind.what} are tidied`,
        handle: async (call) => {
          const before = await settings(call.view, kind);
          const wanted: TidySettings = {
            safetyBuffer: checkBuffer(call.fields.safety_buffer) ?? before.safetyBuffer,
            disablePeriodic: call.fields.disable_periodic_tidy ?? before.disablePeriodic,
          };
          await call.view.commit([{ path, value: encodeStored(wanted) }]);
          return undefined;
        },
      },
      delete: {
        summary: `Tidy ${kind.what} as usual again`,
        handle: async (call) => {
          await call.view.commit([{ path, value: null }]);
          return undefined;
        },
      },
    },
  });
}

function runEndpoint(kind: Kind, name: string): Endpoint {
  return endpoint({
    pattern: `tidy/${name}`,
    help: `Tidies ${kind.what}, a little at a time.`,
    fields: { safety_buffer: fields.safety_buffer },
    operations: {
      update: {
        summary: `Tidy ${kind.what}`,
        handle: async (call) => {
          const buffer =
            checkBuffer(call.fields.safety_buffer) ?? (await settings(call.view, kind)).safetyBuffer;
          await call.view.commit([], [], [stepOf(call.clock.now(), kind, buffer, '')]);
          return {
            status: 202,
            warnings: ['Tidy operation successfully started. It goes on in the background.'],
          };
        },
      },
    },
  });
}

export function isTidyStep(name: string): boolean {
  return name.startsWith(prefix);
}

/** Duty: one step, and the entry of the next. */
export async function tidyStep(
  name: string,
  view: View,
  { clock, digest }: Pick<EngineEnvironment, 'clock' | 'digest'>,
): Promise<void> {
  const now = clock.now();
  const [, folder = '', buffer = '', ...after] = name.split('/');
  const kind = kinds.find((each) => each.folder === `${folder}/`);
  const seconds = Number(buffer);
  if (kind === undefined || !Number.isSafeInteger(seconds)) return;
  const last = after.join('/');
  const from = last === '' ? {} : { after: kind.folder + last };
  const page = await view.range(kind.folder, { limit: recordsAStep, ...from });
  for (const record of page.items) {
    const { expiresAt } = decodeStored<{ readonly expiresAt: number }>(record.open());
    if (expiresAt + seconds * 1_000 > now) continue;
    // Without its denial it would be good again.
    if (kind.folder === deniedTagFolder && (await isTag(view, tagAt(record.path), digest))) continue;
    // Whoever logged in meanwhile has made it live on.
    await view
      .commit([{ path: record.path, value: null }], [{ path: record.path, revision: record.revision }])
      .catch((error: unknown) => {
        if (!(error instanceof CofferError) || error.code !== 'conflict') throw error;
      });
  }
  if (page.next === undefined) return;
  await view.commit([], [], [stepOf(now + pause, kind, seconds, page.next.slice(kind.folder.length))]);
}

function stepOf(at: number, kind: Kind, seconds: number, after: string) {
  return { at, name: `${prefix}${kind.folder}${seconds}/${after}` };
}

const lastPath = 'tidied';

/** Begins a tidying of everything if none began for a day. */
export async function tidyByItself(call: Call): Promise<void> {
  const sealed = await call.view.read(lastPath);
  const now = call.clock.now();
  const { at } = sealed === undefined ? { at: 0 } : decodeStored<{ readonly at: number }>(sealed.open());
  if (at + everySoOften > now && at <= now) return;
  const steps = [];
  for (const kind of kinds) {
    const { disablePeriodic, safetyBuffer } = await settings(call.view, kind);
    if (!disablePeriodic) steps.push(stepOf(now, kind, safetyBuffer, ''));
  }
  await call.view
    .commit(
      [{ path: lastPath, value: encodeStored({ at: now }) }],
      [{ path: lastPath, revision: sealed?.revision ?? null }],
      steps,
    )
    .catch((error: unknown) => {
      // Another login began it.
      if (!(error instanceof CofferError) || error.code !== 'conflict') throw error;
    });
}

async function settings(view: View, kind: Kind): Promise<TidySettings> {
  const sealed = await view.read(`config/tidy/${kind.names[0]}`);
  return sealed === undefined ? usual : decodeStored<TidySettings>(sealed.open());
}

function checkBuffer(seconds: number | undefined): number | undefined {
  if (seconds === undefined || (seconds >= 0 && seconds <= 10 * 365 * 86_400)) return seconds;
  throw new CofferError('invalid_request', 'safety_buffer is a time of at most ten years');
}

/** One application of a registry elsewhere, as it is registered, changed and retired here. */
import type { View } from '../../../core/view.ts';
import type { Application } from '../application.ts';
import { type Change, changeApplication } from '../applications.ts';
import { readSettings } from '../config-endpoint.ts';
import { type MountSettings, settingsPath } from '../mount-config.ts';
import { newApplication } from '../new-application.ts';
import type { ServiceUsersParts } from '../parts.ts';
import type { Registered } from './kio.ts';
import { lossWrite } from './losses.ts';

/** The application as it is then; undefined where it can't be had now, since the one of that id is being deleted. */
export async function takeOver(
  { clock, environment: { random } }: ServiceUsersParts,
  view: View,
  id: string,
  registered: Registered,
): Promise<Application | undefined> {
  const now = clock.now();
  const after = await changeApplication({ view, now, random }, id, async (found) => {
    if (found?.deleted === true) return undefined;
    const { settings, revision } = await readSettings(view);
    if (settings.registry !== 'kio') return undefined;
    const change =
      found === undefined ? begun(id, registered, settings, now) : changed(found, registered, settings, now);
    if (change === undefined) return undefined;
    return { ...change, expectations: [{ path: settingsPath, revision }] };
  });
  return after === undefined || after.deleted ? undefined : after;
}

function begun(id: string, registered: Registered, settings: MountSettings, now: number): Change {
  return {
    application: { ...newApplication(id, settings, now), ...registered },
    events: [{ event: 'registered', detail: 'by its registry' }],
  };
}

function changed(
  before: Application,
  registered: Registered,
  settings: MountSettings,
  now: number,
): Change | undefined {
  const names = (['team', 'name', 'subtitle'] as const).filter((name) => before[name] !== registered[name]);
  if (names.length === 0 && before.active) return undefined;
  const what = [...names, ...(before.active ? [] : ['active'])].join(', ');
  const after = { ...before, ...registered, active: true, inactiveSince: null };
  return {
    application: isAnother(before, registered, settings, now) ? withoutOwners(after) : after,
    events: [{ event: 'changed', detail: `${what} by its registry` }],
    writes: before.active ? [] : [lossWrite(before.id, null)],
  };
}

/** An id that comes back to another team after its user was deleted is another application. */
function isAnother(
  { inactiveSince, team }: Application,
  registered: Registered,
  { deletionGrace }: MountSettings,
  now: number,
): boolean {
  return inactiveSince !== null && now - inactiveSince >= deletionGrace * 1_000 && registered.team !== team;
}

/** Where the former owners had its credentials sent, and what they were good for, is no business of the next ones. */
function withoutOwners(application: Application): Application {
  return {
    ...application,
    targets: [],
    scopes: [],
    redirectUrl: null,
    confidential: true,
    kubernetesClusters: [],
    passwordPeriod: null,
    clientPeriod: null,
    overlap: null,
    paused: false,
  };
}

/** @param counts whether it counts against what the registry may lose: not where a person has confirmed it */
export async function retire(
  { clock, environment: { random } }: ServiceUsersParts,
  view: View,
  id: string,
  counts: boolean,
): Promise<void> {
  const now = clock.now();
  await changeApplication({ view, now, random }, id, async (found) => {
    if (found === undefined || found.deleted || !found.active) return undefined;
    const { settings, revision } = await readSettings(view);
    // Whoever has made the registry their own meanwhile has the word.
    if (settings.registry !== 'kio') return undefined;
    return {
      application: { ...found, active: false, inactiveSince: now },
      events: [{ event: 'changed', detail: 'active by its registry' }],
      writes: counts ? [lossWrite(id, { at: now, createdAt: found.createdAt })] : [],
      expectations: [{ path: settingsPath, revision }],
    };
  });
}

/** SIGHUP: the configuration is read again, and what can change while the server runs, changes. */

import type { Found } from '../config/found.ts';
import type { LiveValue } from '../config/live.ts';
import type { Loaded } from '../config/load.ts';
import type { LimitSettings, Settings } from '../config/settings.ts';
import { type Setting, table } from '../config/table.ts';
import type { LevelledLogger } from '../log.ts';
import type { Server } from './server.ts';

/** A configuration as it was read: here, or by the parent of a worker. */
export interface Reloaded extends Pick<Loaded, 'settings' | 'problems'> {
  readonly found: readonly Shown[];
}

type Shown = Pick<Found<unknown>, 'name' | 'shown'>;

export interface ReloadOptions {
  readonly server: Server;
  readonly limits: LiveValue<LimitSettings>;
  readonly log: LevelledLogger;
  /** What the server was started with. */
  readonly started: Reloaded;
  readonly load: () => Reloaded;
  /** Told of settings without a problem. */
  readonly onReload?: (settings: Settings) => void;
}

/** The handler. A configuration with a problem changes nothing, certificates apart: their files are the same ones. */
export function reloader(options: ReloadOptions): () => void {
  const { server, limits, log, started, load } = options;
  /** What is in force, by name. */
  const inForce = new Map(started.found.map(({ name, shown }) => [name, shown]));
  let { listeners, log: logging } = started.settings;
  return () => {
    const loaded = load();
    // No level, old or new, swallows the lines that tell of the change.
    log.setLevel('info');
    for (const { where, message } of loaded.problems) {
      log.error('the configuration has a problem, the old one stays', { where, problem: message });
    }
    if (loaded.problems.length === 0) {
      ({ listeners, log: logging } = loaded.settings);
      applyLive(loaded, inForce, log, limits);
      tellRestart(loaded.found, inForce, log);
      options.onReload?.(loaded.settings);
    }
    server.listeners.renewCertificates(listeners);
    // Whoever moved their files away has them begin anew.
    server.node.state.core?.devices.reopen();
    log.info('reloaded');
    log.setLevel(logging.level);
  };
}

function applyLive(
  loaded: Reloaded,
  inForce: Map<string, string>,
  log: LevelledLogger,
  limits: LiveValue<LimitSettings>,
): void {
  const changed = loaded.found.filter(({ name, shown }) => isLive(name) && inForce.get(name) !== shown);
  if (changed.length === 0) return;
  for (const { name, shown } of changed) {
    log.info('setting changed', { setting: name, from: inForce.get(name) ?? '', to: shown });
    inForce.set(name, shown);
  }
  limits.set(loaded.settings.limits);
}

/** What differs from what runs, at each reload: it does until somebody restarts. */
function tellRestart(found: readonly Shown[], inForce: Map<string, string>, log: LevelledLogger): void {
  const names = new Set([...found.map(({ name }) => name), ...inForce.keys()]);
  const now = new Map(found.map(({ name, shown }) => [name, shown]));
  for (const name of names) {
    if (isLive(name) || isCertificate(name) || now.get(name) === inForce.get(name)) continue;
    log.warn('setting waits for a restart', { setting: name });
  }
}

function isLive(name: string): boolean {
  const rows: Readonly<Record<string, Setting<unknown>>> = table;
  return rows[name]?.live === true;
}

/** Of a listener that has TLS already, files are read from the new paths. */
function isCertificate(name: string): boolean {
  return /\.tls_(cert|key)$/.test(name);
}

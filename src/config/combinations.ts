/** What cannot be together, though each setting by itself is right. Nothing is said where one of them is wrong already. */
import type { Found } from './found.ts';
import { holdsPassword } from './kinds.ts';
import { isLoopback, shownAddress } from './listen-address.ts';
import type { Problem } from './problem.ts';
import type { ListenerValues, ServerValues } from './table.ts';

export type FoundServer = { readonly [N in keyof ServerValues]: Found<ServerValues[N]> };
export type FoundListener = { readonly [N in keyof ListenerValues]: Found<ListenerValues[N]> };

function given({ origin }: Found<unknown>): boolean {
  return origin.kind !== 'default';
}

function sound(...settings: readonly Found<unknown>[]): boolean {
  return settings.every((setting) => setting.sound);
}

/** The one of two that somebody wrote, so that the problem points at a line. */
function written(one: Found<unknown>, other: Found<unknown>): Found<unknown> {
  return given(one) ? one : other;
}

export function serverCombinations(found: FoundServer): readonly Problem[] {
  const problems: Problem[] = [];
  const all = found['limits.connections'];
  const each = found['limits.connections_per_address'];
  if (sound(all, each) && each.value > all.value) {
    const message = `limits.connections_per_address (${each.value}) is more than limits.connections (${all.value})`;
    problems.push(written(each, all).origin.problem(message));
  }
  const { 'limits.burst': burst, 'limits.requests_per_second': rate } = found;
  if (sound(burst, rate) && given(burst) && burst.value > 0 && rate.value === 0) {
    problems.push(burst.origin.problem('limits.burst does nothing without limits.requests_per_second'));
  }
  const share = found['telemetry.trace_share'];
  const traces = found['telemetry.traces'];
  if (sound(share, traces) && given(share) && traces.value === undefined) {
    problems.push(share.origin.problem('telemetry.trace_share does nothing without telemetry.traces'));
  }
  const { default_lease_ttl: usual, max_lease_ttl: longest } = found;
  if (sound(usual, longest) && usual.value > longest.value) {
    problems.push(written(usual, longest).origin.problem('default_lease_ttl is longer than max_lease_ttl'));
  }
  problems.push(...storageCombinations(found), ...backupCombinations(found), ...auditCombinations(found));
  return problems;
}

/** Every process of the machine may read a command line. */
function storageCombinations({ storage }: FoundServer): readonly Problem[] {
  if (storage.origin.kind !== 'flag' || storage.value === undefined || !holdsPassword(storage.value))
    return [];
  const message =
    'storage has a password on the command line, where others may read it: change that password, and hand the new one over in ' +
    'COFFER_STORAGE, the configuration file, PGPASSFILE or PGPASSWORD, or CONSUL_HTTP_TOKEN';
  return [storage.origin.problem(message)];
}

function backupCombinations(found: FoundServer): readonly Problem[] {
  const { data, 'backup.directory': directory, 'backup.to': to } = found;
  const nowhere = sound(directory, to) && directory.value === undefined && to.value === undefined;
  const names = ['backup.every', 'backup.keep', 'backup.keep_for', 'backup.drill_every'] as const;
  const problems = names
    .map((name) => found[name])
    .filter((setting) => nowhere && sound(setting) && given(setting))
    .map((setting) =>
      setting.origin.problem(`${setting.name} does nothing without backup.directory or backup.to`),
    );
  if (sound(directory, to) && directory.value !== undefined && to.value !== undefined) {
    problems.push(written(to, directory).origin.problem('say backup.directory or backup.to, not both'));
  }
  if (sound(data, directory) && data.value !== undefined && isInside(directory.value, data.value)) {
    problems.push(
      directory.origin.problem('backup.directory is inside the data directory that it is to save'),
    );
  }
  return problems;
}

function auditCombinations({ data, 'audit.directories': directories }: FoundServer): readonly Problem[] {
  const { value } = data;
  if (!sound(data, directories) || value === undefined) return [];
  return directories.value.some((each) => isInside(each, value) || isInside(value, each))
    ? [
        directories.origin.problem(
          'audit.directories has one inside the data directory, or around it: audit devices write beside the store and never into it',
        ),
      ]
    : [];
}

function isInside(path: string | undefined, folder: string): boolean {
  return path !== undefined && `${path}/`.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

export function listenerCombinations(found: FoundListener): readonly Problem[] {
  const { address, tls_cert: certificate, tls_key: key, tls_disable: disable } = found;
  if (!sound(address, certificate, key, disable)) return [];
  const problems: Problem[] = [];
  const where = shownAddress(address.value);
  const tls = certificate.value !== undefined || key.value !== undefined;
  if (certificate.value !== undefined && key.value === undefined) {
    problems.push(certificate.origin.problem('tls_cert needs a tls_key'));
  }
  if (key.value !== undefined && certificate.value === undefined) {
    problems.push(key.origin.problem('tls_key needs a tls_cert'));
  }
  if (tls && disable.value) {
    problems.push(disable.origin.problem('tls_disable and tls_cert are set for the same listener'));
  }
  const least = found.tls_min_version;
  if (sound(least) && given(least) && least.origin.kind === 'file' && !tls) {
    problems.push(least.origin.problem('tls_min_version does nothing without tls_cert and tls_key'));
  }
  if (!tls && !disable.value && !isLoopback(address.value.host)) {
    const message =
      `${where} is not a loopback address: give the listener tls_cert and tls_key, or say tls_disable ` +
      'where a proxy in front has TLS';
    problems.push(address.origin.problem(message));
  }
  return problems;
}

/** Across listeners, and between them and the rest. */
export function listenersCombinations(
  listeners: readonly FoundListener[],
  server: FoundServer,
): readonly Problem[] {
  const problems = mixedKeyOperations(listeners);
  const seen = new Set<string>();
  for (const { address, metrics_without_token: open } of listeners) {
    const shown = shownAddress(address.value);
    if (sound(address) && address.value.port !== 0 && seen.has(shown)) {
      problems.push(address.origin.problem(`two listeners have the address ${shown}`));
    }
    seen.add(shown);
    const metrics = server['telemetry.metrics'];
    if (sound(open, metrics) && open.value && !metrics.value) {
      problems.push(
        open.origin.problem('metrics_without_token does nothing while telemetry.metrics is false'),
      );
    }
  }
  return problems;
}

/** The endpoints are there for all listeners or for none: a listener that says no must not get them by another's yes. */
function mixedKeyOperations(listeners: readonly FoundListener[]): Problem[] {
  const settings = listeners
    // No other dialect has them.
    .filter(({ dialect }) => dialect.value === 'vault')
    .map((listener) => listener.unauthenticated_key_operations);
  const yes = settings.find(({ value }) => value);
  if (yes === undefined || !sound(...settings) || settings.every(({ value }) => value)) return [];
  return [yes.origin.problem('unauthenticated_key_operations must be the same for all listeners')];
}

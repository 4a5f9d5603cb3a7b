/** `coffer server --check`: what would be served, or everything that keeps it from being. Makes nothing and opens no port. */
import type { Shell } from '../cli/shell.ts';
import { shownAddress } from '../config/listen-address.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { ListenerSettings } from '../config/settings.ts';
import type { JsonValue } from '../json.ts';
import { backupProblems } from './backup-places.ts';
import { readCertificate } from './certificate.ts';
import { dialectProblems } from './configured-dialects.ts';
import { sealProblems } from './configured-seals.ts';
import { notifierProblems } from './notifiers.ts';
import { problemJson, refuseWith } from './refuse-with.ts';
import { certificateProblems, placeProblems } from './server-settings.ts';
import { storagePlace, storageProblems } from './storage-place.ts';

/** @param data the data directory that would be served, absolute. Throws `usage` when there is a problem, after telling all. */
export function checkServer(loaded: Loaded, data: string, shell: Shell): void {
  const problems = [...settingProblems(loaded), ...placeProblems(loaded, data)];
  if (problems.length > 0) {
    if (shell.ui.format === 'json') shell.ui.json({ valid: false, problems: problems.map(problemJson) });
    refuseWith(problems, shell);
  }
  const place = storagePlace(loaded.settings.storage, data);
  const asked = loaded.settings.storage === undefined || place.kind === 'lmdb';
  const store = asked ? (place.mayHoldStore() ? 'present' : 'absent') : 'not asked';
  const listeners = loaded.settings.listeners.map(listenerRow);
  const settings = loaded.found.map(({ name, shown, origin }): [string, string, string] => [
    name,
    shown === '' ? 'none' : shown,
    origin.text,
  ]);
  const would = [
    loaded.settings.storage === undefined
      ? ['data directory', data, `store ${store}`]
      : ['data directory', data, `store in ${place.name}, ${store}`],
    ...listeners.map(({ address, note }) => ['listener', address, note]),
  ];
  shell.ui.table(['SETTING', 'VALUE', 'FROM'], [...would, ...settings], {
    valid: true,
    data: { path: data, store, storage: place.name },
    listeners: listeners.map(({ json }) => json),
    settings: Object.fromEntries(settings.map(([name, value, from]) => [name, { value, from }])),
  });
  shell.ui.talk('The configuration is sound.');
}

/** What is wrong with the settings: each by itself, and where that is nothing, what each part says of its own. Opens nothing. */
export function settingProblems(loaded: Loaded): readonly Problem[] {
  if (loaded.problems.length > 0) return loaded.problems;
  return [
    ...certificateProblems(loaded),
    ...storageProblems(loaded),
    ...sealProblems(loaded),
    ...dialectProblems(loaded),
    ...backupProblems(loaded),
    ...notifierProblems(loaded),
  ];
}

function listenerRow(settings: ListenerSettings): { address: string; note: string; json: JsonValue } {
  const { tls, dialect } = settings;
  const spoken = dialect === 'vault' ? '' : `, ${dialect}`;
  if (tls === undefined) {
    const address = `http://${shownAddress(settings)}`;
    return { address, note: `without TLS${spoken}`, json: { address, dialect, tls: null } };
  }
  const address = `https://${shownAddress(settings)}`;
  const { names, notAfter, fingerprint } = readCertificate(tls);
  const until = new Date(notAfter).toISOString();
  return {
    address,
    note: `${names}, until ${until}${spoken}`,
    json: { address, dialect, tls: { names, not_after: until, fingerprint_sha256: fingerprint } },
  };
}

/** What `coffer doctor` finds in a server's configuration: what is wrong with it, and what hides it. */
import { type Finding, fail, ok, warn } from '../cli/doctor/finding.ts';
import type { Environment } from '../cli/shell.ts';
import type { Loaded } from '../config/load.ts';
import { shownProblem } from '../config/problem.ts';
import { asCofferError } from '../errors.ts';
import { readCertificate } from './certificate.ts';
import { sealProblems } from './configured-seals.ts';
import { certificateProblems, type Flags, loadServerSettings, placeProblems } from './server-settings.ts';

/** Milliseconds before its end from which on a certificate is worth a word. */
const soon = 14 * 86_400_000;

/** The settings that `coffer server` would have here; `now` in milliseconds. */
export function checkConfiguration(
  flags: Flags,
  env: Environment,
  loaded: Loaded,
  data: string,
  now: number,
): readonly Finding[] {
  const problems = [
    ...loaded.problems,
    ...(loaded.problems.length > 0
      ? []
      : [...certificateProblems(loaded), ...sealProblems(loaded), ...placeProblems(loaded, data)]),
  ];
  if (problems.length > 0) {
    return problems.map((problem) =>
      fail('configuration', shownProblem(problem), 'put it right; coffer server --check tells when it is'),
    );
  }
  const findings = [...shadows(flags, env, loaded), ...certificates(loaded, now)];
  return findings.length > 0 ? findings : [ok('configuration', 'sound')];
}

/** Settings that the file says and the environment says otherwise. */
function shadows(flags: Flags, env: Environment, loaded: Loaded): readonly Finding[] {
  const config = flags['config'] ?? env['COFFER_CONFIG'];
  if (config === undefined || config === '') return [];
  const file = new Map(
    loadServerSettings({ ...flags, config }, { env: {} }).found.map((found) => [found.name, found]),
  );
  return loaded.found.flatMap(({ name, shown, origin }) => {
    const said = file.get(name);
    if (origin.kind !== 'environment' || said?.origin.kind !== 'file' || said.shown === shown) return [];
    return [
      warn(
        'configuration',
        `${origin.text} hides what ${said.origin.text} says of ${name}`,
        `unset ${origin.text}, or take the setting out of the file`,
      ),
    ];
  });
}

function certificates({ settings }: Loaded, now: number): readonly Finding[] {
  return settings.listeners.flatMap(({ tls }) => {
    if (tls === undefined) return [];
    try {
      const { names, notAfter } = readCertificate(tls);
      const until = `the certificate of ${names} is good until ${new Date(notAfter).toISOString()}`;
      const advice = 'put a new one in its place and send the server SIGHUP';
      if (notAfter < now) return [fail('certificate', until, advice)];
      return [notAfter - now < soon ? warn('certificate', until, advice) : ok('certificate', until)];
    } catch (error) {
      return [fail('certificate', asCofferError(error).message, 'put it right')];
    }
  });
}

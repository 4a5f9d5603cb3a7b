/**
 * The region that the old programs would ask: what boto3 finds, and where it finds none `us-east-1`, which both promise. boto3 reads
 * AWS_DEFAULT_REGION and the profile; AWS_REGION, which it does not know, is looked at behind them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIni } from '../ini.ts';
import { type Environment, variable } from '../shell.ts';

const lastResort = 'us-east-1';

export interface RegionWords {
  /** Of an option. */
  readonly region: string | undefined;
  readonly profile: string | undefined;
}

export function oldRegion(env: Environment, { region, profile }: RegionWords): string {
  return (
    region ??
    variable(env, 'AWS_DEFAULT_REGION') ??
    regionOfProfile(env, profile ?? variable(env, 'AWS_PROFILE') ?? variable(env, 'AWS_DEFAULT_PROFILE')) ??
    variable(env, 'AWS_REGION') ??
    lastResort
  );
}

function regionOfProfile(env: Environment, profile = 'default'): string | undefined {
  const home = variable(env, 'HOME');
  const inHome = (name: string) => (home === undefined ? undefined : join(home, '.aws', name));
  const config = read(variable(env, 'AWS_CONFIG_FILE') ?? inHome('config'));
  const credentials = read(variable(env, 'AWS_SHARED_CREDENTIALS_FILE') ?? inHome('credentials'));
  const sections = [
    credentials.get(profile),
    config.get(profile === 'default' ? 'default' : `profile ${profile}`),
  ];
  return sections.map((section) => section?.get('region')).find((each) => each !== undefined && each !== '');
}

/** What cannot be read has no region: whoever needs the file for more than that says what is wrong with it. */
function read(path: string | undefined): ReturnType<typeof parseIni> {
  try {
    return path === undefined ? new Map() : parseIni(readFileSync(path, 'utf8'));
  } catch {
    return new Map();
  }
}

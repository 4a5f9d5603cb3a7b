/** berry's file of AWS keys: lines `application:access_key:secret_key`, and comments behind `#`. */

import { systemReason } from '../file-error.ts';
import type { Files } from '../files.ts';
import { BerryMisuse } from './misuse.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const longest = 1024 * 1024;

/** Read anew at each round, so that keys may change. Throws `BerryMisuse`, which never repeats a line. */
export function readKeys(files: Files, path: string, application: string): AwsKeys {
  for (const line of textOf(files, path).split('\n')) {
    const text = line.trim();
    if (text.startsWith('#')) continue;
    const [name, accessKeyId = '', secretAccessKey = ''] = text.split(':');
    if (name !== application) continue;
    if (accessKeyId !== '' && secretAccessKey !== '') return { accessKeyId, secretAccessKey };
    throw new BerryMisuse(
      `The line of "${application}" in ${path} must be APPLICATION:ACCESS_KEY:SECRET_KEY`,
    );
  }
  throw new BerryMisuse(`No AWS credentials found for application "${application}" in ${path}`);
}

function textOf(files: Files, path: string): string {
  try {
    return files.readNamed(path, longest).toString('utf8');
  } catch (error) {
    throw new BerryMisuse(`Could not read AWS credentials from ${path}: ${systemReason(error)}`);
  }
}

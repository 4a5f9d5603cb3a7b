/** `{{username}}` and `{{password}}` in a connection's URL: filled in what was parsed, so that no character of theirs counts. */
import { CofferError } from '../../errors.ts';
import type { LoginTexts } from './plugin.ts';

/** Stand in for the places while the URL is parsed: letters only, which no parser changes. */
const standIns = { username: 'coffertemplateusername', password: 'coffertemplatepassword' } as const;

/** Characters of a URL. */
const longestUrl = 4_096;

/** The URL with stand-ins for its places. Throws `invalid_request` for other places. */
export function withStandIns(url: string): string {
  if (url.length > longestUrl)
    throw new CofferError('invalid_request', `connection_url has at most ${longestUrl} characters`);
  const replaced = url.replace(
    /\{\{\s*(username|password)\s*\}\}/g,
    (_all, name: 'username' | 'password') => standIns[name],
  );
  if (replaced.includes('{{')) {
    throw new CofferError(
      'invalid_request',
      'connection_url has no places but {{username}} and {{password}}',
    );
  }
  return replaced;
}

/** What a part of the URL says once its places are filled. */
export function filledPart(part: string, login: LoginTexts): string {
  return part.replace(
    /coffertemplate(username|password)/g,
    // As a function: in a text `$` would have a meaning.
    (_all, name: 'username' | 'password') => login[name],
  );
}

/** Whether a part is a place and nothing else. */
export function isPlace(part: string): boolean {
  return part === '' || part === standIns.username || part === standIns.password;
}

/** Reading a provider's options: texts that an administrator wrote. Nothing that is not known is passed over. */
import { parseDuration } from '../core/ttl.ts';
import { CofferError } from '../errors.ts';
import { parseOutgoingUrl } from '../outgoing/https.ts';

export type ProviderOptions = Readonly<Record<string, string>>;

/** Throws `invalid_request` for an option that is not among the known ones. */
export function refuseUnknown(type: string, options: ProviderOptions, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new CofferError(
    'invalid_request',
    `a provider of type ${type} has no option ${JSON.stringify(unknown.slice(0, 40))}; its options are ${known.join(', ')}`,
  );
}

/** The text of an option, or what stands for it where it is absent or empty. Throws `invalid_request` where that is nothing. */
export function requiredText(options: ProviderOptions, name: string, usual = ''): string {
  const text = options[name] || usual;
  if (text !== '') return text;
  throw new CofferError('invalid_request', `the option ${name} is needed`);
}

/** Throws `invalid_request` for what is no whole number between the bounds. */
export function wholeNumber(
  options: ProviderOptions,
  name: string,
  { usual, least, most }: { readonly usual: number; readonly least: number; readonly most: number },
): number {
  const text = options[name] ?? '';
  if (text === '') return usual;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new CofferError('invalid_request', `the option ${name} is a whole number from ${least} to ${most}`);
}

/** Calls side by side, of the option that all kinds have. */
export function concurrencyOf(options: ProviderOptions, usual = 8): number {
  return wholeNumber(options, 'concurrency', { usual, least: 1, most: 64 });
}

/** Seconds. Throws `invalid_request` for what is no duration. */
export function seconds(options: ProviderOptions, name: string, usual: number): number {
  const text = options[name] ?? '';
  if (text === '') return usual;
  const found = parseDuration(text);
  if (found !== undefined && found >= 0) return found;
  throw new CofferError('invalid_request', `the option ${name} is a duration such as 15m`);
}

/** Texts between commas, without spaces around them. */
export function listOf(options: ProviderOptions, name: string): readonly string[] {
  return (options[name] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

/** Throws `invalid_request` for a value that is none of the choices. */
export function choice<T extends string>(
  options: ProviderOptions,
  name: string,
  choices: readonly T[],
  usual: T,
): T {
  const text = options[name] ?? '';
  if (text === '') return usual;
  const found = choices.find((one) => one === text);
  if (found !== undefined) return found;
  throw new CofferError('invalid_request', `the option ${name} is ${choices.join(' or ')}`);
}

/** An address as `parseOutgoingUrl` takes it, without query, and without a `/` at the end. Throws `invalid_request`. */
export function addressOf(options: ProviderOptions, name: string): string {
  const url = parseOutgoingUrl(requiredText(options, name), name);
  // It is shown to whoever may see the provider, and paths are put behind it.
  if (url.search !== '') throw new CofferError('invalid_request', `${name} must not have a query`);
  return url.href.replace(/\/+$/, '');
}

/** Certificates to trust in place of the platform's; empty for none. Throws `invalid_request` for anything else, above all for keys. */
export function certificatesOf(options: ProviderOptions, name: string): string {
  const text = options[name] ?? '';
  const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
  if (text === '' || (block.test(text) && text.replace(block, '').trim() === '')) return text;
  throw new CofferError('invalid_request', `the option ${name} is certificates in PEM and nothing else`);
}

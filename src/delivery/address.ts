/** What addresses of targets have in common: a length, names on a path, and options behind `?`. */
import { CofferError } from '../errors.ts';

const longest = 1_024;
/** The registry's own pattern; held here once more, for an id becomes part of paths and names outside. */
const applicationForm = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export function wrongTarget(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

/** The same id. Throws `invalid_request` for what would be anything else than one plain name. */
export function requireApplication(id: string): string {
  if (applicationForm.test(id)) return id;
  throw wrongTarget(
    'an application’s id is up to 63 lower-case letters, digits and inner "-", and begins with a letter',
  );
}

export interface SplitAddress<N extends string> {
  /** Before `?`. */
  readonly base: string;
  readonly options: { readonly [O in N]?: string };
}

/**
 * Takes an address apart. Throws `invalid_request` for one that is too long or has control characters, and for an option that is unknown, empty or
 * there twice.
 *
 * @param form how an address of the kind looks, for the message
 */
export function splitAddress<N extends string>(
  address: string,
  form: string,
  names: readonly N[],
): SplitAddress<N> {
  if (address.length > longest || /[\p{Cc}\p{Cs}\u2028\u2029]/u.test(address)) {
    throw wrongTarget(`a target’s address is one line of at most ${longest} characters, such as ${form}`);
  }
  const [base = '', query = '', more] = address.split('?');
  if (more !== undefined) throw wrongTarget(`a target’s address has one "?" at most: ${form}`);
  const options: { [O in N]?: string } = {};
  for (const [said, value] of new URLSearchParams(query)) {
    const name = names.find((each) => each === said);
    if (name === undefined) {
      const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
      throw wrongTarget(
        `an address such as ${form} has no option ${JSON.stringify(said.slice(0, 40))}; ${known}`,
      );
    }
    if (value === '') throw wrongTarget(`the option ${name} is empty`);
    if (options[name] !== undefined) throw wrongTarget(`the option ${name} is given more than once`);
    options[name] = value;
  }
  return { base, options };
}

/** The one spelling of an address: options in the order of `names`, those that were not given left out. */
export function joinAddress<N extends string>(
  { base, options }: SplitAddress<N>,
  names: readonly N[],
): string {
  const said = names.flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`${name}=${encodeValue(value)}`];
  });
  return said.length === 0 ? base : `${base}?${said.join('&')}`;
}

/** People read and write these: what needs no escape gets none. */
function encodeValue(value: string): string {
  return encodeURIComponent(value).replaceAll('%2F', '/').replaceAll('%3A', ':');
}

/** Throws `invalid_request` for what cannot be the name of a key of KMS. */
export function requireKmsKey(key: string | undefined): void {
  if (key !== undefined && !/^[A-Za-z0-9:/_-]{1,300}$/.test(key)) {
    throw wrongTarget('kms-key is a key of KMS: its id or ARN, or alias/NAME');
  }
}

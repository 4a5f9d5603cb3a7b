/** Kinds of settings: how a value is read from a file, from text, and shown. */
import { BlockList, isIP } from 'node:net';
import { resolve } from 'node:path';
import { type ListenAddress, parseListenAddress, shownAddress } from './listen-address.ts';
import type { StorageSetting } from './settings.ts';

export type Reading<T> = { readonly value: T } | { readonly problem: string };

export interface Kind<T> {
  /** What stands for a value in help, such as `DURATION`. */
  readonly placeholder: string;
  /** What a value looks like, for the reference. */
  readonly looks: string;
  /**
   * @param value as the file's format has it, or a text made a value by `fromText`
   * @param base absolute directory that relative paths start from
   */
  read(value: unknown, base: string): Reading<T>;
  /** A flag's or variable's text as the value a file would have. */
  fromText(text: string): unknown;
  show(value: T): string;
}

const asText = (text: string): unknown => text;
/** What is no number stays text, and is refused as such. */
const asNumber = (text: string): unknown => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);

export const path: Kind<string | undefined> = {
  placeholder: 'PATH',
  looks: 'a path; a relative one starts from the file it is written in, or from the working directory',
  read: (value, base) =>
    typeof value === 'string' && value !== '' && !value.includes('\0')
      ? { value: resolve(base, value) }
      : { problem: 'must be a path, as text' },
  fromText: asText,
  show: (value) => value ?? '',
};

/** Directories. */
export const paths: Kind<readonly string[]> = {
  placeholder: 'PATH,...',
  looks:
    'a list of paths (`["/var/log/coffer"]`; with commas between them in a flag or variable); relative ones as for a path',
  read(value, base) {
    const sound = (each: unknown): each is string =>
      typeof each === 'string' && each !== '' && !each.includes('\0');
    if (!Array.isArray(value) || !value.every(sound)) {
      return { problem: 'must be a list of paths such as ["/var/log/coffer"]' };
    }
    return { value: value.map((each) => resolve(base, each)) };
  },
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

const targetForms =
  /^(?:(?:tcp|udp):\/\/(?:\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}|unix:\/\/\/[^\s,]+|https?:\/\/[^\s,@#?]+)$/;

/** Where audit lines may go: each is compared as it is written. */
export const targets: Kind<readonly string[]> = {
  placeholder: 'TARGET,...',
  looks:
    'a list of `tcp://HOST:PORT`, `udp://HOST:PORT`, `unix:///PATH`, `http://…` and `https://…` without user, query and fragment (with commas between them in a flag or variable)',
  read(value) {
    if (!Array.isArray(value))
      return { problem: 'must be a list of targets such as ["tcp://127.0.0.1:9000"]' };
    const wrong = value.findIndex((each) => typeof each !== 'string' || !targetForms.test(each));
    if (wrong === -1) return { value: value as readonly string[] };
    // The value is not repeated: this is where a password would stand.
    return {
      problem: `must be a list of targets such as ["tcp://127.0.0.1:9000"]; entry ${wrong + 1} is none`,
    };
  },
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

/** Addresses that are HTTP's, as a list. */
export const addresses: Kind<readonly string[]> = {
  placeholder: 'URL,...',
  looks:
    'a list of `https://…` and `http://…` without user, query and fragment (with commas between them in a flag or variable)',
  read: (value) =>
    listOf(value, /^https?:\/\/[^\s,@#?]+$/, 'URLs such as ["https://dynamodb.internal.example"]'),
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

/** Names of profiles in AWS's shared configuration. */
export const profileNames: Kind<readonly string[]> = {
  placeholder: 'NAME,...',
  looks: 'a list of names of profiles (with commas between them in a flag or variable)',
  read: (value) => listOf(value, /^[^\p{Cc},[\]]{1,200}$/u, 'names such as ["secrets"]'),
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

/** ARNs of topics of SNS. */
export const topics: Kind<readonly string[]> = {
  placeholder: 'ARN,...',
  looks:
    'a list of ARNs (`["arn:aws:sns:eu-central-1:123456789012:notices"]`; with commas between them in a flag or variable)',
  read: (value) =>
    listOf(value, /^arn:aws[a-z-]*:sns:[a-z0-9-]{3,43}:\d{12}:[\w-]{1,256}$/, 'ARNs of topics of SNS'),
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

/** A program and its words. */
export const argv: Kind<readonly string[]> = {
  placeholder: 'WORDS',
  looks: 'a list: the absolute path of a program, and its words, which no shell reads',
  read(value) {
    const sound = (each: unknown): each is string => typeof each === 'string' && !each.includes('\0');
    const [program] = Array.isArray(value) ? (value as readonly unknown[]) : [];
    if (
      !Array.isArray(value) ||
      !value.every(sound) ||
      typeof program !== 'string' ||
      !program.startsWith('/')
    ) {
      return {
        problem:
          'must be a list such as ["/usr/local/bin/tell", "--urgent"], and begin with an absolute path',
      };
    }
    return { value };
  },
  fromText: (text) => text,
  // Its words may hold what is nobody's business.
  show: ([program = '']) => program,
};

/** Names of notifiers. */
export const notifierName: Kind<string> = {
  placeholder: 'NAME',
  looks: 'up to 64 lower-case letters, digits, `.`, `_` and `-`',
  read: (value) =>
    typeof value === 'string' && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(value)
      ? { value }
      : { problem: 'must have up to 64 lower-case letters, digits, ".", "_" and "-"' },
  fromText: asText,
  show: (value) => value,
};

/** Kinds of notices, with `*` for any text. */
export const noticeKinds: Kind<readonly string[]> = {
  placeholder: 'KIND,...',
  looks:
    'a list of words such as `credentials.issued`, `credentials.*` or `*.refused`, with one `*` each at most',
  read: (value) =>
    listOf(value, /^(?=.)[a-z0-9_.-]{0,80}\*?[a-z0-9_.-]{0,80}$/, 'kinds such as ["credentials.*"]'),
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

/** What an entry holds is not repeated: this is where a password would stand. */
export function listOf(
  value: unknown,
  form: RegExp,
  what: string,
): { readonly value: readonly string[] } | { readonly problem: string } {
  if (!Array.isArray(value)) return { problem: `must be a list of ${what}` };
  const wrong = value.findIndex((each) => typeof each !== 'string' || !form.test(each));
  if (wrong === -1) return { value: value as readonly string[] };
  return { problem: `must be a list of ${what}; entry ${wrong + 1} is none` };
}

/** Where keys of seals are that are not on this machine; what comes after the kind is the seal's own to read. */
export const sealAddresses: Kind<readonly string[]> = {
  placeholder: 'ADDRESS,...',
  looks:
    'a list of `awskms:KEY?region=REGION` (a single one as text, too; with commas between them in a flag or variable)',
  read(value) {
    const list: readonly unknown[] =
      typeof value === 'string' ? [value] : Array.isArray(value) ? value : [undefined];
    const wrong = list.findIndex((each) => typeof each !== 'string' || !/^awskms:[^\s,]+$/.test(each));
    if (wrong === -1) return { value: list as readonly string[] };
    return {
      problem: `must be a list such as ["awskms:alias/coffer?region=eu-central-1"]; entry ${wrong + 1} is none`,
    };
  },
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

/** Where backups go; what stands in it is for its own reader to say. */
export const backupAddress: Kind<string | undefined> = {
  placeholder: 'ADDRESS',
  looks: '`s3://BUCKET/PREFIX?region=REGION`',
  read: (value) =>
    typeof value === 'string' && /^s3:\/\/[^\s]+$/.test(value)
      ? { value }
      : { problem: 'must be an address such as s3://BUCKET/PREFIX?region=eu-central-1' },
  fromText: asText,
  show: (value) => value ?? '',
};

export const boolean: Kind<boolean> = {
  placeholder: 'BOOL',
  looks: '`true` or `false`',
  read: (value) => (typeof value === 'boolean' ? { value } : { problem: 'must be true or false' }),
  fromText: (text) =>
    text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text,
  show: String,
};

/** What a listener speaks; which dialects there are, and what may be said behind `?`, is for others to say. */
export const dialectName: Kind<string> = {
  placeholder: 'DIALECT',
  looks:
    '`vault`, or a dialect with its options behind it, as `dssss?secrets=shop` ([dssss](dialect-dssss.md))',
  read: (value) =>
    typeof value === 'string' && /^[a-z][a-z0-9-]*(?:\?[^\s?#]*)?$/.test(value)
      ? { value }
      : { problem: 'must be a dialect such as vault or dssss' },
  fromText: asText,
  show: (value) => value,
};

/** Where something is mounted, with a `/` at its end; empty for nowhere. */
export const mountName: Kind<string> = {
  placeholder: 'MOUNT',
  looks: 'path of a mount such as `service-users`, or an empty text',
  read: (value) =>
    typeof value === 'string' && /^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?:\/|$)){0,5}$/.test(value)
      ? { value: value === '' || value.endsWith('/') ? value : `${value}/` }
      : { problem: 'must be the path of a mount such as service-users' },
  fromText: asText,
  show: (value) => value,
};

/** A whole number from `least` to `most`. */
export function count(least: number, most: number): Kind<number> {
  return {
    placeholder: 'NUMBER',
    looks: `a whole number from ${least} to ${most}`,
    read: (value) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
        ? { value }
        : { problem: `must be a whole number from ${least} to ${most}` },
    fromText: asNumber,
    show: String,
  };
}

/** A part of the whole, from 0 to 1. */
export const share: Kind<number> = {
  placeholder: 'SHARE',
  looks: 'a number from 0 to 1',
  read: (value) =>
    typeof value === 'number' && value >= 0 && value <= 1
      ? { value }
      : { problem: 'must be a number from 0 to 1' },
  fromText: asNumber,
  show: String,
};

export function choice<const T extends string>(choices: readonly T[]): Kind<T> {
  return {
    placeholder: 'WORD',
    looks: choices.map((each) => `\`${each}\``).join(', '),
    read(value) {
      const found = choices.find((each) => each === value);
      return found === undefined ? { problem: `must be one of: ${choices.join(', ')}` } : { value: found };
    },
    fromText: asText,
    show: (value) => value,
  };
}

/** The base of an http or https URL, without credentials, query and fragment. */
export const url: Kind<string | undefined> = {
  placeholder: 'URL',
  looks: 'an `http://` or `https://` URL',
  read(value) {
    const parsed = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    const web = parsed?.protocol === 'http:' || parsed?.protocol === 'https:';
    if (parsed === undefined || !web) return { problem: 'must be an http:// or https:// URL' };
    // The value is not repeated: this is where a password would stand.
    if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '') {
      return { problem: 'must be a URL without user name, password, query and fragment' };
    }
    return { value: parsed.href.replace(/\/$/, '') };
  },
  fromText: asText,
  show: (value) => value ?? '',
};

/** A storage: which kinds there are is for others to say. */
export const storageUrl: Kind<StorageSetting | undefined> = {
  placeholder: 'URL',
  looks:
    '`lmdb:PATH`, `postgres://USER@HOST/DATABASE`, `dynamodb:TABLE?region=REGION`, `consul:PREFIX` or `memory:`',
  // The value is not repeated: this is where a password would stand.
  read: (value, base) =>
    typeof value === 'string' && /^[a-z][a-z0-9+.-]*:[^\0-\x20\x7f]*$/.test(value)
      ? { value: { url: value, base } }
      : { problem: 'must be a storage such as lmdb:/srv/coffer/store or postgres://USER@HOST/DATABASE' },
  // A file that a variable is made of (a Secret's) ends with its line.
  fromText: (text) => asText(text.replace(/\r?\n$/, '')),
  show: (value) => (value === undefined ? '' : withoutPassword(value.url)),
};

/** Nothing of what may be a password: all between the first colon of a login and the last `@`, and values of parameters that hint at one. */
function withoutPassword(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:)(.*)$/s.exec(url) ?? [];
  if (!rest.startsWith('//')) return scheme + withoutHidden(rest);
  const at = rest.lastIndexOf('@');
  const colon = rest.slice(0, Math.max(at, 0)).indexOf(':');
  const shown = at < 0 || colon < 0 ? rest : `${rest.slice(0, colon)}:*****${rest.slice(at)}`;
  return scheme + withoutHidden(shown);
}

function withoutHidden(url: string): string {
  return url.replace(/([?&][^=&]*(?:pass|secret|token)[^=&]*=)[^&]*/gi, '$1*****');
}

/** Whether a URL carries a password, or what might be one. */
export function holdsPassword({ url }: StorageSetting): boolean {
  return withoutPassword(url) !== url;
}

export const address: Kind<ListenAddress> = {
  placeholder: 'HOST:PORT',
  looks: '`HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for loopback',
  read(value) {
    const parsed = typeof value === 'string' ? parseListenAddress(value) : undefined;
    return parsed === undefined
      ? { problem: 'must be an address to listen on, such as 127.0.0.1:8200' }
      : { value: parsed };
  },
  fromText: asText,
  show: shownAddress,
};

/** Networks in CIDR notation (RFC 4632), or single addresses. */
export const networks: Kind<readonly string[]> = {
  placeholder: 'CIDR,...',
  looks: 'a list of networks (`["10.0.0.0/8"]`; with commas between them in a flag or variable)',
  read(value) {
    if (!Array.isArray(value)) return { problem: 'must be a list of networks such as ["10.0.0.0/8"]' };
    const wrong = value.findIndex((each) => typeof each !== 'string' || !isNetwork(each));
    if (wrong === -1) return { value: value as readonly string[] };
    return { problem: `must be a list of networks such as ["10.0.0.0/8"]; entry ${wrong + 1} is none` };
  },
  fromText: (text) => text.split(',').map((each) => each.trim()),
  show: (value) => value.join(','),
};

function isNetwork(text: string): boolean {
  const [base = '', bits, more] = text.split('/');
  const version = isIP(base);
  if (version === 0 || base.includes('%') || more !== undefined) return false;
  if (bits === undefined) return true;
  if (!/^\d{1,3}$/.test(bits)) return false;
  try {
    new BlockList().addSubnet(base, Number(bits), version === 6 ? 'ipv6' : 'ipv4');
    return true;
  } catch {
    return false;
  }
}

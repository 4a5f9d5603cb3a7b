/** Kinds of settings that only the agent has. */
import { constants } from 'node:os';
import type { Kind } from '../config/kinds.ts';

const asText = (text: string): unknown => text;

/** Text of a form. @param looks what is right, for the message */
export function textOf(form: RegExp, looks: string): Kind<string> {
  return {
    placeholder: 'TEXT',
    looks,
    // The value is not repeated: this is where a secret would stand by mistake.
    read: (value) =>
      typeof value === 'string' && form.test(value) ? { value } : { problem: `must be ${looks}` },
    fromText: asText,
    show: (value) => value,
  };
}

/** As providers and buckets know applications: a safe name of a directory, too. */
export const applicationId = textOf(
  /^[a-z0-9][a-z0-9._-]{0,99}$/,
  'the id of an application, in lower-case letters, digits, ".", "_" and "-"',
);

/** A mount, or a path below one. */
export const apiPath = textOf(
  /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^/\p{Cc}]+(?:\/[^/\p{Cc}]+)*$/u,
  'a path such as secret/shop',
);

export const word = textOf(/^[\w.@:+-]{1,200}$/, 'a name of letters, digits and any of _.@:+-');

export const region = textOf(/^[a-z]{2}[a-z0-9-]{1,40}$/, 'a region such as eu-central-1');

/** Permission bits of a file that nobody may execute. */
export const fileMode: Kind<number> = {
  placeholder: 'MODE',
  looks: 'a mode in octal digits such as "0640"',
  read(value) {
    const mode =
      typeof value === 'string' && /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined;
    if (mode === undefined) return { problem: 'must be a mode in octal digits, as text: "0640"' };
    if ((mode & 0o111) !== 0) return { problem: 'must not allow execution' };
    return (mode & 0o022) === 0
      ? { value: mode }
      : { problem: 'must not allow others than the owner to write' };
  },
  fromText: asText,
  show: (value) => value.toString(8).padStart(4, '0'),
};

export const signalName: Kind<NodeJS.Signals> = {
  placeholder: 'SIGNAL',
  looks: 'the name of a signal such as "HUP"',
  read(value) {
    const name = typeof value === 'string' ? `SIG${value.toUpperCase().replace(/^SIG/, '')}` : '';
    const found = Object.keys(constants.signals).find((each): each is NodeJS.Signals => each === name);
    return found === undefined || name === 'SIGKILL' || name === 'SIGSTOP'
      ? { problem: 'must be the name of a signal such as "HUP"' }
      : { value: found };
  },
  fromText: asText,
  show: (value) => value,
};

/** Each name once, of a list that is known. */
export function someOf<const T extends string>(known: readonly T[]): Kind<readonly T[]> {
  const looks = `a list of any of ${known.map((name) => `"${name}"`).join(', ')}`;
  return {
    placeholder: 'NAME,...',
    looks,
    read(value) {
      const list: readonly unknown[] = Array.isArray(value) ? value : [];
      const found = known.filter((name) => list.includes(name));
      return found.length > 0 && found.length === list.length
        ? { value: found }
        : { problem: `must be ${looks}` };
    },
    fromText: (text) => text.split(','),
    show: (value) => value.join(','),
  };
}

/** `list`, `keys` and `delete`: what needs no key. */
import type { Session } from './session.ts';
import { helpOption, operand, type Verb, type Verbs } from './verb.ts';

const list: Verb<Session> = {
  usage: '',
  summary: 'List credentials, their versions and comments',
  options: helpOption,
  operands: [0, 0],
  async run({ shell, session }) {
    using table = session.open();
    const heads = await table.heads();
    const width = heads.reduce((most, { name }) => Math.max(most, [...name].length), 0);
    const lines = heads.map(
      ({ name, versionText, comment = '' }) =>
        `${filled(name, width)} -- version ${versionText} -- comment ${comment}\n`,
    );
    shell.ui.text(lines.join(''));
  },
};

const keys: Verb<Session> = {
  usage: '',
  summary: 'List the names of all credentials',
  options: helpOption,
  operands: [0, 0],
  async run({ shell, session }) {
    using table = session.open();
    const names = new Set((await table.heads()).map(({ name }) => name));
    shell.ui.text([...names].map((name) => `${name}\n`).join(''));
  },
};

const remove: Verb<Session> = {
  usage: 'credential',
  summary: 'Delete all versions of a credential',
  options: helpOption,
  operands: [1, 1],
  async run(call) {
    const name = operand(call);
    using table = call.session.open();
    // The latest goes last: until then a reader gets it or nothing, never an older one.
    for (const { versionText } of await table.history(name)) {
      call.shell.ui.text(`Deleting ${name} -- version ${versionText}\n`);
      await table.remove(name, versionText);
    }
  },
};

export const verbs: Verbs<Session> = { list, keys, delete: remove };

/** As wide as the longest, counted in characters as Python does. */
export function filled(name: string, width: number): string {
  return name + ' '.repeat(width - [...name].length);
}

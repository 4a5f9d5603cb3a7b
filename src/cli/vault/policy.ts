/** `policy …`. */
import { readAll } from '../prompt.ts';
import { fileText } from './data-words.ts';
import { misuse } from './failure.ts';
import { dataOf, secretOf } from './secret.ts';
import { argument, type Verb, type Verbs } from './verb.ts';

const longestPolicy = 1024 * 1024;

const list: Verb = {
  usage: '',
  summary: 'List names of policies',
  args: [0, 0],
  async run({ session, output }) {
    const { keys } = dataOf(
      secretOf(
        (await session.ask('listing policies', 'GET', 'sys/policies/acl', { query: { list: true } })).body,
      ),
    );
    const names = Array.isArray(keys) ? keys.map(String) : [];
    await output.document(names, () => output.line(names.join('\n')));
    return 0;
  },
};

const read: Verb = {
  usage: 'NAME',
  summary: 'Print a policy',
  args: [1, 1],
  async run(call) {
    const name = call.args[0]?.trim().toLowerCase() ?? '';
    const answer = await call.session.look(`reading policy named ${name}`, 'GET', `sys/policies/acl/${name}`);
    const { policy } = dataOf(secretOf(answer?.body));
    if (typeof policy !== 'string') {
      call.output.warn(`No policy named: ${name}`);
      return 2;
    }
    await call.output.document({ policy }, () => call.output.line(policy.trim()));
    return 0;
  },
};

const write: Verb = {
  usage: 'NAME FILE',
  summary: 'Write a policy from a file, or from standard input for -',
  args: [2, 2],
  async run(call) {
    const name = argument(call).trim().toLowerCase();
    const file = argument(call, 1);
    const policy =
      file === '-' ? (await readAll(call.shell, longestPolicy)).toString('utf8') : fileText(file);
    await call.session.ask(`uploading policy`, 'PUT', `sys/policies/acl/${name}`, { body: { policy } });
    call.output.success(`Success! Uploaded policy: ${name}`);
    return 0;
  },
};

const remove: Verb = {
  usage: 'NAME',
  summary: 'Delete a policy',
  args: [1, 1],
  async run(call) {
    const name = argument(call).trim().toLowerCase();
    await call.session.ask(`deleting ${name}`, 'DELETE', `sys/policies/acl/${name}`);
    call.output.success(`Success! Deleted policy: ${name}`);
    return 0;
  },
};

const format: Verb = {
  usage: 'FILE',
  summary: 'Indent a policy’s file',
  args: [1, 1],
  async run(call) {
    const file = argument(call);
    const { writeFileSync } = await import('node:fs');
    const { indentPolicy } = await import('./policy-format.ts');
    const formatted = indentPolicy(fileText(file));
    try {
      writeFileSync(file, formatted);
    } catch {
      throw misuse(`Error writing result to: ${file}`);
    }
    call.output.success(`Success! Formatted policy: ${file}`);
    return 0;
  },
};

export const verbs: Verbs = {
  'policy list': list,
  'policy read': read,
  'policy write': write,
  'policy delete': remove,
  'policy fmt': format,
};

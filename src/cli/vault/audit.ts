/** `audit …`: audit devices. */
import { isJsonObject, type JsonObject } from '../../json.ts';
import { readPlainPairs } from './data-words.ts';
import { goValue } from './go-text.ts';
import { bodyOf } from './session.ts';
import { anyNumber, argument, asMount, sanitized, type Verb, type Verbs } from './verb.ts';

const list: Verb = {
  usage: '',
  summary: 'List audit devices',
  flags: { detailed: { type: 'bool', help: 'with their options' } },
  args: [0, 0],
  async run({ session, output, flags }) {
    const { data } = bodyOf(await session.ask('listing audits', 'GET', 'sys/audit'));
    const devices: JsonObject = isJsonObject(data) ? data : {};
    const paths = Object.keys(devices).toSorted();
    if (paths.length === 0) {
      if (output.format !== 'table') await output.document({}, () => undefined);
      else output.warn('No audit devices are enabled.');
      return 2;
    }
    await output.document(devices, () => {
      const heading = [
        'Path',
        'Type',
        'Description',
        ...(flags.bool('detailed') ? ['Replication', 'Options'] : []),
      ];
      const rows = paths.map((path) => {
        const device = isJsonObject(devices[path]) ? devices[path] : {};
        const options = isJsonObject(device['options']) ? device['options'] : {};
        const more = [
          device['local'] === true ? 'local' : 'replicated',
          Object.keys(options)
            .toSorted()
            .map((name) => `${name}=${goValue(options[name])}`)
            .join(' '),
        ];
        const short = [path, String(device['type'] ?? ''), String(device['description'] ?? '')];
        return [...short, ...(flags.bool('detailed') ? more : [])];
      });
      output.rows([heading, ...rows]);
    });
    return 0;
  },
};

const enable: Verb = {
  usage: 'TYPE [NAME=VALUE...]',
  summary: 'Enable an audit device',
  flags: {
    description: { type: 'text', help: 'what it is for' },
    path: { type: 'text', help: 'where; at its type’s name when absent' },
    local: { type: 'bool', help: 'this node’s alone' },
  },
  args: [1, anyNumber],
  async run({ args: [type = '', ...words], session, output, flags }) {
    const path = asMount(flags.text('path') ?? type);
    const body = {
      type,
      description: flags.text('description') ?? '',
      options: readPlainPairs(words),
      local: flags.bool('local'),
    };
    await session.ask(`enabling audit device`, 'PUT', `sys/audit/${sanitized(path)}`, { body });
    output.success(`Success! Enabled the ${type} audit device at: ${path}`);
    return 0;
  },
};

const disable: Verb = {
  usage: 'PATH',
  summary: 'Disable an audit device',
  args: [1, 1],
  async run(call) {
    const path = asMount(argument(call));
    await call.session.ask(`disabling audit device`, 'DELETE', `sys/audit/${sanitized(path)}`);
    call.output.success(`Success! Disabled audit device (if it was enabled) at: ${path}`);
    return 0;
  },
};

export const verbs: Verbs = { 'audit list': list, 'audit enable': enable, 'audit disable': disable };

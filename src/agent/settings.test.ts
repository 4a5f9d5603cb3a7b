import { expect, it } from 'vitest';
import { parseConfig } from '../config/file.ts';
import { shownProblem } from '../config/problem.ts';
import { CofferError } from '../errors.ts';
import { type LoadedAgent, resolveAgent } from './settings.ts';

function load(text: string): LoadedAgent {
  return resolveAgent(parseConfig('/etc/coffer/agent.toml', text), {
    hostname: 'web 1',
    idOf(kind, name) {
      if (/^\d+$/.test(name)) return Number(name);
      if (name === 'shop') return kind === 'owner' ? 1001 : 1002;
      throw new CofferError('usage', `there is no such ${kind}`);
    },
  });
}

const problems = (text: string) => load(text).problems.map(shownProblem);

const whole = `
interval = "2m"
[server]
address = "https://coffer.example:8200"
ca = "ca.pem"
[login]
method = "approle"
role_id_file = "/etc/coffer/role-id"
secret_id_file = "/etc/coffer/secret-id"
remove_secret_id_file = true
[report]
[socket]
path = "/run/coffer-agent/socket"
[exec]
command = ["/usr/bin/shop", "--serve"]
on_change = "signal"
signal = "USR1"
[exec.environment]
DB_PASSWORD = "coffer:secret/shop/db#password"
[[application]]
id = "shop"
source = "coffer:secret/apps"
directory = "/meta/credentials"
readable_by = "shop"
on_change = { signal = "HUP", pid_file = "/run/shop.pid" }
[[application]]
id = "billing"
source = "s3://org-mint?region=eu-west-1"
directory = "billing"
mode = "0640"
group = 1234
documents = ["user"]
on_change = { exec = true }
[[template]]
source = "/etc/coffer/shop.conf.j2"
destination = "/etc/shop/shop.conf"
on_change = { command = ["/bin/systemctl", "reload", "shop"] }
`;

it('are read, each by its kind, with paths that start at the file', () => {
  const { settings, problems: none } = load(whole);
  expect(none).toEqual([]);
  expect(settings).toMatchObject({
    interval: 120_000,
    server: { address: 'https://coffer.example:8200', ca: '/etc/coffer/ca.pem', timeout: 30_000 },
    login: { method: 'approle', mount: 'approle', removeSecretId: true },
    report: { mount: 'service-users', reader: 'web-1' },
    socket: { mode: 0o600 },
    exec: {
      onChange: { kind: 'signal', signal: 'SIGUSR1' },
      environment: [{ name: 'DB_PASSWORD', path: 'secret/shop/db', field: 'password' }],
    },
    applications: [
      {
        source: { kind: 'coffer', path: 'secret/apps' },
        documents: ['user', 'client'],
        rights: { mode: 0o400, owner: 1001, group: undefined },
        onChange: { kind: 'signal', signal: 'SIGHUP', pidFile: '/run/shop.pid' },
      },
      {
        source: { kind: 's3', bucket: 'org-mint', account: { region: 'eu-west-1' } },
        directory: '/etc/coffer/billing',
        documents: ['user'],
        rights: { mode: 0o640, owner: undefined, group: 1234 },
        onChange: { kind: 'exec' },
      },
    ],
    templates: [{ mount: 'secret', onChange: { kind: 'command' } }],
  });
});

it('tell all that is wrong at once, each with its place', () => {
  const found = problems(`
intervall = "2m"
[login]
method = "approle"
role_id_file = "/a"
[exec]
command = ["shop"]
[exec.environment]
"LD-X" = "coffer:secret/a#b"
B = "secret"
[[application]]
id = "Shop/.."
source = "gs://bucket"
directory = ""
mode = "0777"
readable_by = "nobody-here"
on_change = { signal = "HUP" }
[[template]]
source = "/a"
`);
  expect(found).toEqual(
    [
      'unknown key "intervall" (did you mean "interval"?)',
      'secret_id_file is missing: a path',
      'command must be a list',
      'LD-X can be no variable',
      'B must be an address such as coffer:secret/shop/db#password',
      'id must be the id of an application',
      'source must look like coffer:MOUNT/PATH or s3://BUCKET',
      'directory must be a path',
      'mode must not allow execution',
      'readable_by: there is no such owner',
      'on_change is one of: signal with pid_file, command, exec = true',
      'destination is missing',
    ].map((text) => expect.stringContaining(text)),
  );
  for (const line of found) expect(line).toMatch(/^\/etc\/coffer\/agent\.toml:\d+:\d+: /);
});

it.each([
  ['', 'there is nothing to do'],
  [
    '[[application]]\nid = "a"\nsource = "coffer:secret/apps"\ndirectory = "/a"',
    '[server] with an address and [login] are needed',
  ],
  [
    '[[application]]\nid = "a"\nsource = "s3://org-mint"\ndirectory = "/a"\n[[application]]\nid = "a"\nsource = "s3://org-mint"\ndirectory = "/a"',
    '/a is the place of two',
  ],
  [
    '[[application]]\nid = "a"\nsource = "s3://org-mint"\ndirectory = "/a"\non_change = { exec = true }',
    'there is no [exec]',
  ],
  [
    '[[application]]\nid = "a"\nsource = "s3://org-mint?regoin=x"\ndirectory = "/a"',
    'an option nobody knows',
  ],
  ['[[application]]\nid = "a"\nsource = "coffer:secret/../sys"\ndirectory = "/a"', 'must look like coffer:'],
  [
    `[[template]]\nsource = "/t"\ndestination = "/etc/${'n'.repeat(248)}"\non_change = { command = ["/bin/true"] }`,
    'a destination’s name is too long for the note that on_change needs beside it',
  ],
  [
    '[[template]]\nsource = "/t"\ndestination = "/etc/a"\non_change = { command = ["/bin/true"] }\n[[template]]\nsource = "/t"\ndestination = "/etc/.a.untold"',
    '/etc/.a.untold is the place of two',
  ],
  ['[login]\nmethod = "ldap"', 'method must be one of: approle, aws, jwt, token'],
  ['application = 3', 'application must be a list of tables'],
  ['not toml', 'not valid TOML'],
])('refuse %j', (text, message) => {
  expect(problems(text).join('\n')).toContain(message);
});

it('threat 16: messages repeat no value that may be a secret', () => {
  const found = problems(
    '[server]\naddress = "https://user:canary@host"\n[login]\nmethod = "token"\ntoken_file = 7\n[exec]\ncommand=["/a"]\n[exec.environment]\nA = "canary"',
  );
  expect(found.length).toBeGreaterThan(2);
  expect(found.join('')).not.toContain('canary');
});

/** The unit of systemd: what it promises, read from its file, and by systemd itself where that is. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/errors.ts';
import { root } from './released-package.ts';
import { settingVariables } from './variables.ts';

const folder = join(root, 'deploy/systemd');
const temporary = mkdtempSync(join(tmpdir(), 'coffer-systemd-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Lines of a section by name; a name may come several times. */
function section(file: string, wanted: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let current = '';
  for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
    if (/^(#|$)/.test(line)) continue;
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      current = header;
      continue;
    }
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    expect(name, `a line that is none: ${line}`).not.toBe('');
    if (current === wanted) found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

const service = section('coffer.service', 'Service');

it('threat 16: neither a core dump nor swap of the service holds plaintext', () => {
  expect(service.get('LimitCORE')).toEqual(['0']);
  expect(service.get('MemorySwapMax')).toEqual(['0']);
});

it('threat 26: it is a user of its own, and store and keyfile lie apart', () => {
  expect(service.get('User')).toEqual(['coffer']);
  expect(service.get('UMask')).toEqual(['0077']);
  expect(service.get('StateDirectory')).toEqual(['coffer coffer-key']);
  expect(service.get('StateDirectoryMode')).toEqual(['0700']);
  expect(service.get('Environment')).toContain('XDG_CONFIG_HOME=/var/lib/coffer-key');
  expect(readFileSync(join(folder, 'coffer.toml'), 'utf8')).toMatch(/^data = "\/var\/lib\/coffer"$/m);
  expect(readFileSync(join(folder, 'coffer.sysusers'), 'utf8')).toMatch(/^u coffer - /m);
});

it('it can do no more than it needs', () => {
  const none = ['AmbientCapabilities', 'CapabilityBoundingSet'];
  for (const name of none) expect(service.get(name), name).toEqual(['']);
  const yes = [...service].filter(([name]) => /^(Private|Protect|Restrict|Lock|NoNew|RemoveIPC)/.test(name));
  expect(yes.filter(([, [value]]) => value === 'no' || value === '')).toEqual([]);
  expect(service.get('NoNewPrivileges')).toEqual(['yes']);
  expect(service.get('ProtectSystem')).toEqual(['strict']);
  expect(service.get('SystemCallFilter')).toEqual(['@system-service', '~@privileged']);
  // It would end V8, which makes code as it runs.
  expect(service.has('MemoryDenyWriteExecute')).toBe(false);
});

it('it is reloaded, ended and started again as the program wants it', () => {
  expect(service.get('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
  expect(service.get('KillMode')).toEqual(['mixed']);
  const kept = [exitCodeOf('usage'), exitCodeOf('store_unusable')].join(' ');
  expect(service.get('RestartPreventExitStatus')).toEqual([kept]);
  expect(Number(service.get('TimeoutStopSec')?.[0])).toBeGreaterThan(10);
});

it('each variable that it sets is one that something reads', () => {
  const known = new Set(['XDG_CONFIG_HOME', 'NODE_OPTIONS', ...settingVariables]);
  const dropIn = section('coffer.service.d/sealed-keyfile.conf', 'Service');
  const set = [...(service.get('Environment') ?? []), ...(dropIn.get('Environment') ?? [])];
  expect(set.length).toBeGreaterThan(2);
  for (const line of set) expect(known).toContain(line.slice(0, line.indexOf('=')));
});

it('systemd, where it is, takes the unit with its drop-in and finds little exposure', () => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return;
  // It looks for the program, which need not be installed here.
  const unit = join(temporary, 'coffer.service');
  const text = readFileSync(join(folder, 'coffer.service'), 'utf8');
  writeFileSync(unit, text.replace('/usr/bin/coffer', process.execPath));
  mkdirSync(`${unit}.d`);
  const dropIn = readFileSync(join(folder, 'coffer.service.d/sealed-keyfile.conf'), 'utf8');
  writeFileSync(join(`${unit}.d`, 'sealed-keyfile.conf'), dropIn);
  const said = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
  expect(said.stderr.split('\n').filter((line) => line.includes('coffer'))).toEqual([]);
  expect(said.status).toBe(0);
  const exposed = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit]);
  expect(exposed.status, String(exposed.stdout)).toBe(0);
});

it('threat 26: the agent’s unit has the rights that giving files away takes, and what it writes is in directories of its own', () => {
  const agent = section('coffer-agent.service', 'Service');
  expect(agent.get('CapabilityBoundingSet')).toEqual(['CAP_CHOWN CAP_KILL CAP_DAC_READ_SEARCH']);
  expect(agent.get('NoNewPrivileges')).toEqual(['yes']);
  expect(agent.get('ProtectSystem')).toEqual(['strict']);
  expect([agent.get('LimitCORE'), agent.get('MemorySwapMax')]).toEqual([['0'], ['0']]);
  expect(agent.get('RestartPreventExitStatus')).toEqual([String(exitCodeOf('usage'))]);
  const [start = ''] = agent.get('ExecStart') ?? [];
  expect(start).toBe('/usr/bin/coffer agent --config /etc/coffer/agent.toml');
});

import { describe, expect, it } from 'vitest';
import { parseConfig } from './file.ts';
import { resolveSettings } from './load.ts';

const nothing = { flags: {}, env: {}, file: undefined, directory: '/base' };
const shownOf = (loaded: ReturnType<typeof resolveSettings>) =>
  loaded.found.find(({ name }) => name === 'storage')?.shown;

describe('the setting storage', () => {
  it('is the store in the data directory where nothing is said', () => {
    expect(resolveSettings(nothing).settings.storage).toBeUndefined();
  });

  it('comes from a flag, the environment or the file, with the directory that paths start from', () => {
    const file = parseConfig('/etc/coffer.toml', 'storage = "lmdb:store"\n').file;
    expect(resolveSettings({ ...nothing, file }).settings.storage).toEqual({
      url: 'lmdb:store',
      base: '/etc',
    });
    const env = { COFFER_STORAGE: 'postgres://u:p@h/d' };
    expect(resolveSettings({ ...nothing, env, file }).settings.storage?.url).toBe(env.COFFER_STORAGE);
    const flags = { storage: 'memory:' };
    expect(resolveSettings({ flags, env, file, directory: '/base' }).settings.storage).toEqual({
      url: 'memory:',
      base: '/base',
    });
  });

  it.each(['\n', '\r\n'])('may come from a file with an end of line (%j), and with no other space', (end) => {
    const loaded = (url: string) => resolveSettings({ ...nothing, env: { COFFER_STORAGE: url } });
    expect(loaded(`consul:coffer${end}`).settings.storage?.url).toBe('consul:coffer');
    for (const odd of ['consul:coffer\n\n', 'consul:cof\nfer', ' consul:coffer', 'consul:coffer ']) {
      expect(loaded(odd).problems, JSON.stringify(odd)).toHaveLength(1);
    }
  });

  it.each([
    ['postgres://u:sec:r@t@h/d?schema=s', 'postgres://u:*****@h/d?schema=s'],
    ['postgres://u@h/d?password=secret&x=1', 'postgres://u@h/d?password=*****&x=1'],
    ['postgres://u@h/d', 'postgres://u@h/d'],
  ])('threat 16: is shown without its password: %s', (url, shown) => {
    const loaded = resolveSettings({ ...nothing, env: { COFFER_STORAGE: url } });
    expect(shownOf(loaded)).toBe(shown);
  });

  it('threat 16: is refused with a password on the command line, which everybody on the machine reads', () => {
    const { problems } = resolveSettings({ ...nothing, flags: { storage: 'postgres://u:secret@h/d' } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      where: '--storage',
      message: expect.stringContaining('COFFER_STORAGE'),
    });
    expect(JSON.stringify(problems)).not.toContain('secret');
    expect(
      resolveSettings({ ...nothing, flags: { storage: 'postgres://u@h/d?sslkey=/k' } }).problems,
    ).toEqual([]);
  });

  it.each(['', 'postgres', '://x', 'UPPER:x', 'a b:c', 'postgres://u:p@h/\nd', 7, null])(
    'refuses what names no storage: %s',
    (value) => {
      const file = { ...parseConfig('/etc/c.toml', '').file, values: { storage: value } };
      const { problems } = resolveSettings({ ...nothing, file: file as never });
      expect(problems.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^storage must be a storage such as/),
      ]);
    },
  );
});

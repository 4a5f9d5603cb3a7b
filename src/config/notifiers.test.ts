import { describe, expect, it } from 'vitest';
import { parseConfig } from './file.ts';
import { resolveSettings } from './load.ts';

function load(text: string) {
  const { file, problems } = parseConfig('coffer.toml', text);
  expect(problems).toEqual([]);
  const { settings, problems: found } = resolveSettings({ flags: {}, env: {}, file, directory: '/' });
  return {
    notifiers: settings.notifiers,
    problems: found.map(({ where, message }) => `${where} ${message}`),
  };
}

describe('[[notifier]]', () => {
  it('names a program, its words, what it is run for and how long', () => {
    const text = `
[[notifier]]
name = "pager"
command = ["/usr/local/bin/page", "--urgent"]
kinds = ["*.refused", "credentials.issued"]
timeout = "5s"

[[notifier]]
name = "log"
command = ["/usr/bin/logger"]
`;
    expect(load(text)).toEqual({
      notifiers: [
        {
          name: 'pager',
          command: ['/usr/local/bin/page', '--urgent'],
          kinds: ['*.refused', 'credentials.issued'],
          timeout: 5_000,
        },
        { name: 'log', command: ['/usr/bin/logger'], kinds: ['*'], timeout: 10_000 },
      ],
      problems: [],
    });
  });

  it('is nowhere else: there are none without it', () => {
    expect(load('').notifiers).toEqual([]);
  });

  it('threat 19: tells everything that is wrong with it', () => {
    const text = `
[[notifier]]
name = "Pager"
command = "page --urgent"
shell = true

[[notifier]]
command = ["page"]
kinds = ["a b", "*.*"]
timeout = "1h"

[[notifier]]
name = "twice"
command = ["/a"]

[[notifier]]
name = "twice"
command = ["/a"]
`;
    expect(load(text).problems).toEqual([
      expect.stringMatching(/^coffer\.toml:3:\d+ notifier\[0\]\.name must have up to 64 lower-case letters/),
      expect.stringMatching(/^coffer\.toml:4:\d+ notifier\[0\]\.command must be a list such as/),
      expect.stringMatching(/^coffer\.toml:5:\d+ unknown key "notifier\.shell"/),
      expect.stringMatching(/^coffer\.toml:7:\d+ this notifier has no name/),
      expect.stringMatching(/^coffer\.toml:8:\d+ notifier\[1\]\.command must be a list .* absolute path$/),
      expect.stringMatching(
        /^coffer\.toml:9:\d+ notifier\[1\]\.kinds must be a list of kinds .*entry 1 is none$/,
      ),
      expect.stringMatching(/^coffer\.toml:10:\d+ notifier\[1\]\.timeout /),
      expect.stringMatching(/^coffer\.toml:17:\d+ two notifiers have the name twice$/),
    ]);
    expect(load('notifier = "a"').problems).toEqual([expect.stringMatching(/each written \[\[notifier\]\]/)]);
  });
});

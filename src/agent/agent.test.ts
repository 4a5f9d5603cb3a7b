import { describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { openClient } from '../client/client.ts';
import { startWire } from '../client/wire.fixture.ts';
import { documentVersion } from '../delivery/document.ts';
import { CofferError } from '../errors.ts';
import { openLogger } from '../log.ts';
import { Agent, type AgentParts } from './agent.ts';
import { ApplicationOutput } from './application-output.ts';
import type { ChangeNote } from './change-note.ts';
import { Child } from './child.ts';
import type { CredentialDirectory } from './credential-directory.ts';
import type { Documents } from './document.ts';
import { systemFiles } from './files.ts';
import type { Output } from './output.ts';
import type { ProgramEnd, Programs } from './programs.ts';
import { Session } from './session.ts';
import type { ChangeSettings } from './settings.ts';

/** A program that a test ends. */
interface Started {
  readonly command: readonly string[];
  readonly secrets: ReadonlyMap<string, string>;
  readonly signals: string[];
  end(end: ProgramEnd): void;
}

function setUp(jitter = 0.5) {
  const clock = new HandClock();
  const lines: string[] = [];
  const pauses: number[] = [];
  const started: Started[] = [];
  /** What each pause does: nothing passes by itself. */
  let onPause: (milliseconds: number) => void = () => undefined;
  /** How commands end at once; undefined lets them run. */
  let commandEnd: ProgramEnd | undefined = { kind: 'ended', code: 0 };
  const programs: Programs & { sent: string[]; answer: ReturnType<Programs['signal']> } = {
    sent: [],
    answer: 'sent',
    start(command, secrets) {
      let end: (end: ProgramEnd) => void = () => undefined;
      const ended = new Promise<ProgramEnd>((resolve) => {
        end = resolve;
      });
      const signals: string[] = [];
      started.push({ command, secrets, signals, end });
      if (commandEnd !== undefined && command[0] !== '/child') end(commandEnd);
      return {
        ended,
        kill(signal) {
          signals.push(signal);
          if (signal === 'SIGTERM' || signal === 'SIGKILL') end({ kind: 'ended', code: 143 });
        },
      };
    },
    signal(name, pidFile) {
      programs.sent.push(`${name} ${pidFile}`);
      return programs.answer;
    },
  };
  const surroundings = {
    programs,
    log: openLogger({ level: 'debug', terminal: false, write: (line) => lines.push(line) }),
    now: () => clock.now(),
    jitter: () => jitter,
    pause(milliseconds: number, signal: AbortSignal): Promise<void> {
      pauses.push(milliseconds);
      onPause(milliseconds);
      if (signal.aborted) return Promise.reject(signal.reason);
      clock.advance(milliseconds / 1_000);
      return Promise.resolve();
    },
  };
  return {
    clock,
    lines,
    pauses,
    started,
    programs,
    surroundings,
    onPause: (action: (milliseconds: number) => void) => {
      onPause = action;
    },
    commandsEnd: (end: ProgramEnd | undefined) => {
      commandEnd = end;
    },
  };
}

/** Looks that end as a test says, the last one again and again. */
function output(
  name: string,
  looks: (boolean | CofferError)[],
  onChange?: ChangeSettings,
  note?: ChangeNote,
): Output & { readonly count: () => number } {
  let count = 0;
  return {
    kind: 'template',
    name,
    onChange,
    note,
    count: () => count,
    async refresh() {
      count += 1;
      const look = looks.length > 1 ? looks.shift() : looks[0];
      if (look instanceof CofferError) throw look;
      return look === true;
    },
    describe: () => ({}),
  };
}

const parts = (more: Partial<AgentParts>): AgentParts => ({
  outputs: [],
  session: undefined,
  report: undefined,
  child: undefined,
  childSecrets: () => new Map(),
  interval: 60_000,
  ...more,
});

const away = new CofferError('unavailable', 'nobody answers');

describe('rounds', () => {
  it('come again after the interval, sooner after a failure, and then later and later', async () => {
    const { surroundings, pauses, onPause } = setUp();
    const over = new AbortController();
    const each = output('a', [away, away, away, away, away, away, away, away, true, false]);
    const agent = new Agent(parts({ outputs: [each] }), surroundings);
    onPause(() => {
      if (pauses.length === 10) over.abort();
    });
    expect(await agent.run(over.signal)).toBe(0);
    expect(pauses).toEqual([750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 60_000, 60_000]);
  });

  it('are not at the same time on all hosts', async () => {
    const waits: number[] = [];
    for (const jitter of [0, 1]) {
      const { surroundings, pauses, onPause } = setUp(jitter);
      const over = new AbortController();
      onPause(() => over.abort());
      await new Agent(parts({ outputs: [output('a', [false])] }), surroundings).run(over.signal);
      waits.push(pauses[0] ?? 0);
    }
    expect(waits).toEqual([54_000, 66_000]);
  });

  it('look at everything, whatever one of them says', async () => {
    const { surroundings, lines } = setUp();
    const outputs = [output('a', [away]), output('b', [true]), output('c', [new Error('x') as CofferError])];
    const agent = new Agent(parts({ outputs }), surroundings);
    expect((await agent.round()).map(({ code }) => code)).toEqual(['unavailable']);
    expect(agent.describe()).toMatchObject({
      outputs: [
        { name: 'a', error: 'unavailable', checked: null },
        { name: 'b', error: null, changed: expect.stringContaining('2026-11-22') },
        { name: 'c' },
      ],
    });
    expect(lines.filter((line) => line.includes('"reason":"nobody answers"'))).toHaveLength(1);
  });

  it('begin at once when somebody says so', async () => {
    const { surroundings, pauses, onPause } = setUp();
    const over = new AbortController();
    const each = output('a', [false]);
    const agent = new Agent(parts({ outputs: [each] }), surroundings);
    onPause(() => {
      if (pauses.length === 1) agent.hurry();
      else over.abort();
    });
    await agent.run(over.signal);
    expect(each.count()).toBe(2);
  });
});

describe('a change', () => {
  it('is told once, by a signal or a command, and nothing is told of nothing', async () => {
    const { surroundings, started, programs } = setUp();
    const outputs = [
      output('a', [true, false], { kind: 'signal', signal: 'SIGHUP', pidFile: '/run/a.pid' }),
      output('b', [true, false], { kind: 'command', command: ['/bin/tell', 'b'] }),
      output('c', [false], { kind: 'command', command: ['/bin/tell', 'c'] }),
    ];
    const agent = new Agent(parts({ outputs }), surroundings);
    await agent.round();
    await agent.round();
    expect(programs.sent).toEqual(['SIGHUP /run/a.pid']);
    expect(started.map(({ command }) => command)).toEqual([['/bin/tell', 'b']]);
  });

  it('that was not told is told again, unless there is nobody', async () => {
    const { surroundings, started, programs, commandsEnd } = setUp();
    const outputs = [
      output('a', [true, false], { kind: 'signal', signal: 'SIGHUP', pidFile: '/run/a.pid' }),
      output('b', [true, false], { kind: 'command', command: ['/bin/tell', 'b'] }),
    ];
    programs.answer = 'absent';
    commandsEnd({ kind: 'ended', code: 3 });
    const agent = new Agent(parts({ outputs }), surroundings);
    await agent.round();
    expect(agent.describe()).toMatchObject({ outputs: [{ told: true }, { told: false }] });
    commandsEnd({ kind: 'ended', code: 0 });
    await agent.round();
    await agent.round();
    expect(agent.describe()).toMatchObject({ outputs: [{ told: true }, { told: true }] });
    expect([programs.sent.length, started.length]).toEqual([1, 2]);
  });

  it('threat 22: is told to a command in words, which get no secret', async () => {
    const { surroundings, started } = setUp();
    const change: ChangeSettings = { kind: 'command', command: ['/bin/tell', '$(id); `id`'] };
    await new Agent(parts({ outputs: [output('a', [true], change)] }), surroundings).round();
    expect(started).toMatchObject([{ command: ['/bin/tell', '$(id); `id`'], secrets: new Map() }]);
  });

  it('is told to a command that never ends, which is killed', async () => {
    const { surroundings, started, commandsEnd, pauses } = setUp();
    commandsEnd(undefined);
    const change: ChangeSettings = { kind: 'command', command: ['/bin/sleep', '1000'] };
    const agent = new Agent(parts({ outputs: [output('a', [true], change)] }), surroundings);
    await agent.round();
    expect([pauses, started[0]?.signals]).toEqual([[60_000], ['SIGKILL']]);
  });
});

/** A note that is there, until it is removed. */
function left(remove: () => void = () => undefined): ChangeNote & { readonly looks: () => number } {
  let isThere = true;
  let looks = 0;
  return {
    looks: () => looks,
    isThere() {
      looks += 1;
      return isThere;
    },
    remove() {
      remove();
      isThere = false;
    },
  };
}

describe('what an agent wrote that ended before it told', () => {
  const command: ChangeSettings = { kind: 'command', command: ['/bin/tell', 'a'] };

  it('is told first, once, whatever the source says', async () => {
    const { surroundings, started, lines } = setUp();
    const note = left();
    const one = output('a', [away, false], command, note);
    let toldAt: number | undefined;
    const { start } = surroundings.programs;
    surroundings.programs.start = (...order) => {
      toldAt ??= one.count();
      return start(...order);
    };
    const agent = new Agent(parts({ outputs: [one] }), surroundings);
    expect(await agent.round()).toHaveLength(1);
    await agent.round();
    expect([started.length, toldAt, note.isThere()]).toEqual([1, 0, false]);
    expect(lines.filter((line) => line.includes('"msg":"told"'))).toHaveLength(1);
  });

  it('is told again when there is another change behind it', async () => {
    const { surroundings, started } = setUp();
    await new Agent(parts({ outputs: [output('a', [true], command, left())] }), surroundings).round();
    expect(started).toHaveLength(2);
  });

  it('keeps its note while telling fails, once in each round', async () => {
    const { surroundings, started, commandsEnd } = setUp();
    const note = left();
    commandsEnd({ kind: 'ended', code: 1 });
    const agent = new Agent(parts({ outputs: [output('a', [false], command, note)] }), surroundings);
    for (const count of [1, 2]) {
      await agent.round();
      expect([started.length, note.isThere()]).toEqual([count, true]);
      expect(agent.describe()).toMatchObject({ outputs: [{ told: false }] });
    }
    commandsEnd({ kind: 'ended', code: 0 });
    await agent.round();
    await agent.round();
    expect([started.length, note.isThere()]).toEqual([3, false]);
  });

  it('is a change at once, whose telling had failed in this round', async () => {
    const { surroundings, started, commandsEnd } = setUp();
    commandsEnd({ kind: 'ended', code: 1 });
    const outputs = [output('a', [true, false], command, left())];
    await new Agent(parts({ outputs }), surroundings).round();
    expect(started).toHaveLength(2);
  });

  it('is not told again by this process where the note cannot be taken away', async () => {
    const { surroundings, started, lines } = setUp();
    const stuck = left(() => {
      throw new CofferError('usage', 'cannot write /etc/a: the file system is read-only');
    });
    const agent = new Agent(parts({ outputs: [output('a', [false, away], command, stuck)] }), surroundings);
    for (let round = 0; round < 3; round++) await agent.round();
    expect([started.length, stuck.isThere()]).toEqual([1, true]);
    expect(lines.filter((line) => line.includes('told again at the next start'))).toHaveLength(1);
  });

  it('is told of a change that failed behind its switch', async () => {
    const { surroundings, started } = setUp();
    const note = left();
    const late = { ...note, isThere: () => note.looks() > 0 && note.isThere() };
    const one = output('a', [away, false], command, late);
    const refresh = () => {
      note.isThere();
      return one.refresh();
    };
    const agent = new Agent(parts({ outputs: [{ ...one, refresh }] }), surroundings);
    await agent.round();
    await agent.round();
    expect([started.length, note.isThere()]).toEqual([1, false]);
  });
});

describe('the program of the configuration', () => {
  const exec = (kind: 'restart' | 'signal') => ({
    command: ['/child'],
    onChange: kind === 'restart' ? ({ kind } as const) : ({ kind, signal: 'SIGHUP' } as const),
    stopAfter: 1_000,
    environment: [],
  });

  it('begins once everything is there, and ends the agent with its own code', async () => {
    const { surroundings, started, onPause } = setUp();
    const child = new Child(exec('restart'), surroundings);
    const outputs = [output('a', [away, true]), output('b', [true])];
    const agent = new Agent(parts({ outputs, child }), surroundings);
    await agent.round();
    expect(started).toEqual([]);
    onPause(() => started[0]?.end({ kind: 'ended', code: 17 }));
    expect(await agent.run(new AbortController().signal)).toBe(17);
  });

  it.each(['restart', 'signal'] as const)('is told of a change by %s', async (kind) => {
    const { surroundings, started } = setUp();
    const child = new Child(exec(kind), surroundings);
    let secret = 'first';
    // Two that change at once are one change to it.
    const outputs = [
      output('a', [true, true, false], { kind: 'exec' }),
      output('b', [true, true, false], { kind: 'exec' }),
    ];
    const childSecrets = () => new Map([['SECRET', secret]]);
    const agent = new Agent(parts({ outputs, child, childSecrets }), surroundings);
    await agent.round();
    secret = 'second';
    await agent.round();
    await agent.round();
    expect(started.map(({ secrets }) => secrets.get('SECRET'))).toEqual(
      kind === 'restart' ? ['first', 'second'] : ['first'],
    );
    // Pauses pass at once here, and so does the patience with a program that is to end.
    expect(started[0]?.signals.filter((name) => name !== 'SIGKILL')).toEqual([
      kind === 'restart' ? 'SIGTERM' : 'SIGHUP',
    ]);
  });
});

describe('what an application has', () => {
  const documents: Documents = { user: '{"application_username":"u","application_password":"canary"}' };

  it('is reported once it was told, each round, and a report that fails stops nothing', async () => {
    let status = 503;
    await using server = await startWire(({ url }) => {
      if (url.endsWith('lookup-self')) return { body: { data: { ttl: 0, accessor: 'a' } } };
      return status === 204 ? {} : { status, body: { errors: ['Vault is sealed'] } };
    });
    const { surroundings, lines, commandsEnd, clock } = setUp();
    const files = { ...systemFiles, readNamed: () => Buffer.from('hvs.a-token-of-a-test') };
    const session = new Session(
      { method: 'token', tokenFile: '/token' },
      {
        clock,
        jitter: () => 0,
        files,
        log: surroundings.log,
        openClient: (token) => openClient({ address: server.address, token }),
        awsProof: () => Promise.reject(new Error('not here')),
      },
    );
    const settings = {
      id: 'shop',
      source: { kind: 'coffer', path: 'secret' } as const,
      directory: '/nowhere',
      documents: ['user'] as const,
      rights: { mode: 0o400, owner: undefined, group: undefined },
      onChange: { kind: 'command', command: ['/bin/tell'] } as const,
    };
    const puts = ['switched', 'unchanged'];
    const directory = {
      put: () => puts.shift() ?? 'unchanged',
      isUntold: () => false,
      told: () => undefined,
    } as unknown as CredentialDirectory;
    const shop = new ApplicationOutput(settings, { read: async () => documents }, directory, documentVersion);
    const place = { mount: 'service-users', reader: 'web-1' };
    const agent = new Agent(parts({ outputs: [shop], session, report: place }), surroundings);
    const reports = () => server.seen.filter(({ url }) => url.includes('/readers/'));
    commandsEnd({ kind: 'ended', code: 1 });
    expect(await agent.round()).toEqual([]);
    expect(reports()).toEqual([]);
    commandsEnd({ kind: 'ended', code: 0 });
    expect(await agent.round()).toEqual([]);
    status = 204;
    expect(await agent.round()).toEqual([]);
    expect(reports().map(({ method, url, body }) => [method, url, body])).toEqual(
      Array.from({ length: 2 }, () => [
        'POST',
        '/v1/service-users/apps/shop/readers/web-1',
        JSON.stringify({ user_version: shop.versions().user }),
      ]),
    );
    expect(shop.versions().user).toMatch(/^[\w-]{16}$/);
    expect(lines.join('')).not.toContain('canary');
    expect(JSON.stringify(agent.describe())).not.toContain('canary');
  });
});

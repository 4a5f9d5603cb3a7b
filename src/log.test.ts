import { describe, expect, it } from 'vitest';
import { Secret } from './crypto/secret.ts';
import { CofferError } from './errors.ts';
import { componentLog, openLogger } from './log.ts';

function logInto(lines: string[], options: { terminal?: boolean; level?: 'debug' | 'info' } = {}) {
  return openLogger({
    level: options.level ?? 'debug',
    terminal: options.terminal ?? false,
    write: (line) => void lines.push(line),
  });
}

describe('a line', () => {
  it('has time, level and message, and the room that speaks', () => {
    const lines: string[] = [];
    const log = logInto(lines);
    componentLog(log, 'http').warn('told', { request_id: 'r1' });
    componentLog(componentLog(log, 'audit'), 'core').info('the inner one speaks');
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'warn',
      component: 'http',
      request_id: 'r1',
      msg: 'told',
    });
    expect(second?.['component']).toBe('core');
  });

  it('is whole, whatever the fields are', () => {
    const lines: string[] = [];
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const ring = new Error('round');
    ring.cause = ring;
    const refuses = { toJSON: () => JSON.parse('{') as unknown };
    const log = logInto(lines);
    log.info('two\nlines', {
      count: 2n,
      absent: undefined,
      call: () => 1,
      circle,
      refuses,
      'na"me': 'va"lue',
    });
    log.error('told', { error: ring, cause: undefined });
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const unshown = 'not shown: it cannot be written as JSON';
    expect(first).toMatchObject({ msg: 'two\nlines', count: '2', circle: unshown, refuses: unshown });
    expect(first).toMatchObject({ 'na"me': 'va"lue' });
    expect(Object.keys(first ?? {})).not.toEqual(expect.arrayContaining(['absent']));
    expect(first).not.toHaveProperty('call');
    expect(second).toMatchObject({ level: 'error', msg: 'told', error: unshown });
    for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1);
  });

  it('is short text for people', () => {
    const lines: string[] = [];
    logInto(lines, { terminal: true }).error('told', { count: 2 });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d ERROR told count=2\n$/);
  });

  it('below the level is none, and the level can change', () => {
    const lines: string[] = [];
    const log = logInto(lines, { level: 'info' });
    log.debug('quiet');
    log.setLevel('debug');
    expect(log.level).toBe('debug');
    log.debug('loud');
    expect(lines).toHaveLength(1);
  });
});

describe('threat 16: what slips into the log', () => {
  const canary = 'canary-59d2c1';

  it('is not shown where it is a Secret, or in the form of a token, in whatever field', () => {
    const lines: string[] = [];
    const log = logInto(lines);
    const token = `hvs.${canary.replaceAll('-', '')}`;
    log.error(`told ${token}`, {
      secret: new Secret(Buffer.from(canary)),
      deep: { path: `auth/token/lookup/${token}` },
      error: new CofferError('internal', `about ${token}`, { cause: new Error(`and hvb.${token}`) }),
    });
    logInto(lines, { terminal: true }).warn('told', { value: token });
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain('canary');
  });

  it('is not shown where an error quotes what it could not read', () => {
    const lines: string[] = [];
    const log = logInto(lines);
    for (const attempt of [
      () => JSON.parse(`{"password": ${canary}`) as unknown,
      () => Buffer.alloc(canary as unknown as number),
      () => new URL(canary),
      () => new URL(`http://${canary}:${canary}`),
    ]) {
      let thrown: unknown;
      try {
        attempt();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Error);
      log.error('told', { error: thrown });
      log.error('told', { cause: new CofferError('internal', 'internal error', { cause: thrown }) });
    }
    expect(lines).toHaveLength(8);
    expect(lines.join('')).not.toContain(canary);
    expect(lines[0]).toContain('not shown');
  });

  it('leaves what helps to find a fault', () => {
    const lines: string[] = [];
    logInto(lines).error('told', { error: new TypeError('x is not a function') });
    expect(lines[0]).toContain('x is not a function');
    expect(lines[0]).toContain('log.test.ts');
  });
});

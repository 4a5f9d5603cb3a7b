/** Every command of every guide, run as it stands there. What cannot be run here says in the guide why, and is listed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { provide } from './guide-needs.ts';
import { parseGuide, type Step } from './guide-page.ts';
import { GuideRun } from './guide-run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = `${root}/docs/guide`;
/** Guides with a test of their own: about plights that their reader does not bring about, and about other machines. */
const followedElsewhere: Readonly<Record<string, string>> = {
  'keys.md': 'test/e2e/keys-guide.e2e.test.ts',
  'deploy.md': 'test/deploy/guide.e2e.test.ts',
};
const guides = readdirSync(folder).filter((name) => name.endsWith('.md') && !(name in followedElsewhere));
/** The first run on a machine installs moto. */
const patience = 300_000;
const pageOf = (name: string) => parseGuide(readFileSync(`${folder}/${name}`, 'utf8'));
const isRun = (step: Step) => step.kind === 'shell' && step.notRun === undefined && step.given === undefined;

describe('the guides', () => {
  it.concurrent.for(guides)('%s runs as it is written', { timeout: patience }, async (name, { skip }) => {
    const page = pageOf(name);
    const needed = await provide(page.needs);
    if (needed === undefined) return skip(`this machine lacks one of: ${page.needs.join(', ')}`);
    const run = new GuideRun(needed.given);
    try {
      for (const step of [...needed.steps, ...page.steps]) await run.follow(step);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new Error(`docs/guide/${name}, ${problem}`, { cause: error });
    } finally {
      await run.close();
      await needed.close();
    }
  });

  it('run most of their blocks, and say of the others why not', () => {
    const steps = guides.flatMap((name) => pageOf(name).steps.map((step) => ({ name, step })));
    const left = steps.flatMap(({ name, step }) =>
      step.kind === 'shell' && step.notRun !== undefined ? [`${name}:${step.line} ${step.notRun}`] : [],
    );
    const list = left.map((line) => `  ${line}\n`).join('');
    process.stderr.write(`blocks of the guides that are not run here:\n${list}`);
    const run = steps.filter(({ step }) => isRun(step)).length;
    expect(run).toBeGreaterThan(100);
    expect(left.length, list).toBeLessThan(run / 3);
    for (const line of left) expect(line.split(' ').length, line).toBeGreaterThan(4);
  });

  it('that are not followed here are followed elsewhere', () => {
    for (const [name, test] of Object.entries(followedElsewhere)) {
      expect(existsSync(`${folder}/${name}`)).toBe(true);
      expect(readFileSync(`${root}/${test}`, 'utf8')).toContain(`docs/guide/${name}`);
    }
  });
});

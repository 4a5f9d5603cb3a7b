/** Every command of every guide, run as it stands there. What cannot be run here says in the guide why, and is listed. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { provide } from './guide-needs.ts';
import { parseGuide, type Step } from './guide-page.ts';
import { GuideRun } from './guide-run.ts';

const folder = fileURLToPath(new URL('../../docs/guide', import.meta.url));
/** These have a test of their own, which holds every one of their blocks. */
const followedElsewhere: ReadonlySet<string> = new Set(['keys.md', 'deploy.md']);
const guides = readdirSync(folder).filter((name) => name.endsWith('.md') && !followedElsewhere.has(name));

/** The first run on a machine installs moto. */
const patience = 300_000;
const pageOf = (name: string) => parseGuide(readFileSync(`${folder}/${name}`, 'utf8'));
const isRun = (step: Step) => step.kind === 'shell' && step.notRun === undefined && step.given === undefined;

describe('the guides', () => {
  it.concurrent.each(guides)('%s runs as it is written', { timeout: patience }, async (name) => {
    const page = pageOf(name);
    const needed = await provide(page.needs);
    // It has been said why; where everything has to be there, that was an error.
    if (needed === undefined) return;
    const run = new GuideRun(needed.given);
    try {
      for (const step of [...needed.steps, ...page.steps]) await run.follow(step);
    } catch (error) {
      throw new Error(`docs/guide/${name}, ${error instanceof Error ? error.message : String(error)}`);
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
    process.stderr.write(
      `blocks of the guides that are not run here:\n${left.map((line) => `  ${line}\n`).join('')}`,
    );
    const run = steps.filter(({ step }) => isRun(step)).length;
    expect(left.length, left.join('\n')).toBeLessThan(run / 3);
    for (const line of left) expect(line.split(' ').length, line).toBeGreaterThan(4);
  });
});

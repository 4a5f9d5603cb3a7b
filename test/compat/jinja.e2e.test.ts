/** Our templates beside Jinja's own: the same text, or an error in both. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compileTemplate, renderTemplate } from '../../src/template/render.ts';
import { runProgram } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';
import { secrets, templates, variables } from './jinja-cases.ts';

const known: ReadonlyMap<string, string> = new Map(Object.entries(secrets));

/** Null for an error, as the other side tells one. */
async function ours(text: string): Promise<string | null> {
  try {
    const template = compileTemplate('case', text);
    return await renderTemplate(template, { variables, secrets: { read: async (name) => known.get(name) } });
  } catch {
    return null;
  }
}

it('templates are rendered as Jinja renders them', async (context) => {
  const python = need(context, 'jinja');
  const script = fileURLToPath(new URL('./jinja.py', import.meta.url));
  const cases = templates.map((template) => ({ template, variables, secrets }));
  const environment = { PATH: process.env['PATH'] ?? '', PYTHONHASHSEED: '0' };
  const outcome = await runProgram(python, [script], environment, JSON.stringify(cases));
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  const theirs: unknown = JSON.parse(outcome.stdout);
  expect(await Promise.all(templates.map(ours))).toEqual(theirs);
});

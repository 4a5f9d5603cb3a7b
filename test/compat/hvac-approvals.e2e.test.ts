import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { rootTokenOf } from '../e2e/kill-rounds.ts';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac asks for what Vault’s control groups guard, has it approved, and unwraps it', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const script = fileURLToPath(new URL('./hvac-approvals.py', import.meta.url));
  expect(await runProgram(python, [script, server.address], place.env, rootTokenOf(place))).toEqual({
    code: 0,
    stdout: 'policies\nheld\nunwrapped\nwritten\n',
    stderr: '',
  });
});

import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac does the main job', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const script = fileURLToPath(new URL('./hvac-main-job.py', import.meta.url));
  expect(await runProgram(python, [script, server.address], place.env)).toEqual({
    code: 0,
    stdout: 'init\nkv\npolicies\napprole\ntokens\nseal\n',
    stderr: '',
  });
});

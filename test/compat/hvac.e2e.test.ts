import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

it('hvac uses the whole of kv, with versions and without', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const token = readFileSync(join(place.config, 'token'), 'utf8').trim();
  const script = fileURLToPath(new URL('./hvac-kv.py', import.meta.url));
  expect(await runProgram(python, [script, server.address, token], place.env)).toEqual({
    code: 0,
    stdout: 'version 1\nupgrade\nsettings\nversions\ndeletions\nmetadata\n',
    stderr: '',
  });
});

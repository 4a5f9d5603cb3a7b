import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac 0.11 walks the App-ID workflow', async (context) => {
  const python = need(context, 'hvac-app-id');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--dev', '--dev-root-token-id', 'root'] });
  const script = fileURLToPath(new URL('./hvac-app-id.py', import.meta.url));
  expect(await runProgram(python, [script, server.address], place.env, 'root')).toEqual({
    code: 0,
    stdout: 'mapped\nhanded over\nlogged in\nrefused\n',
    stderr: '',
  });
});

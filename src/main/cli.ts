/** The installed command. Streams are looked up when used: opening them costs more than `coffer version` does. */
import { calledWords } from '../cli/called-as.ts';
import { main } from '../cli/main.ts';
import { programs } from './programs.ts';

/** A reader that has seen enough (`| head`) is no failure; what could not be written otherwise (a full disk) is one. */
function onBroken(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.once('exit', () => {
    process.exitCode = 1;
  });
}

function watched<S extends NodeJS.WriteStream>(stream: S): S {
  if (!stream.listeners('error').includes(onBroken)) stream.on('error', onBroken);
  return stream;
}

process.exitCode = await main(calledWords(process.argv), {
  programs,
  env: process.env,
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return watched(process.stdout);
  },
  get stderr() {
    return watched(process.stderr);
  },
  interrupt() {
    process.kill(process.pid, 'SIGINT');
  },
});

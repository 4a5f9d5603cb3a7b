/**
 * The image's health check: exit code 0 when the server here serves an unsealed store, 1 when it is sealed, has no store, or
 * does not answer. With the word `alive` it is 0 for as long as the server answers: for whoever restarts what is unhealthy, which brings
 * back no store that is away, and seals one that people opened. No token and no secret goes with it, so the certificate is not looked at: it names the host that clients
 * know, and not this machine's own address.
 *
 * COFFER_HEALTH_URL names the listener where neither COFFER_LISTEN nor COFFER_TLS_CERT does, such as with a configuration file.
 */
import { argv, env } from 'node:process';

const patience = 4_000;

const path = argv[2] === 'alive' ? '/v1/sys/alive' : '/v1/sys/health';
const url = new URL(path, env.COFFER_HEALTH_URL || ownAddress(env));
const { get } = await import(url.protocol === 'https:' ? 'node:https' : 'node:http');
const options = { rejectUnauthorized: false, timeout: patience };
const request = get(url, options, (response) => {
  response.resume();
  if (response.statusCode !== 200) complain(`the server answers ${response.statusCode}`);
});
request.on('timeout', () => request.destroy(new Error('no answer in time')));
request.on('error', ({ message }) => complain(message));

/** The first listener; one on all addresses is asked at loopback. */
function ownAddress({ COFFER_LISTEN: listen = '', COFFER_TLS_CERT: certificate = '' }) {
  const [first = ''] = listen.split(',');
  const [, host = '', port = '8200'] = /^(.*):(\d+)$/.exec(first.trim()) ?? [];
  const own = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host;
  return `${certificate === '' ? 'http' : 'https'}://${own}:${port}`;
}

function complain(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

/**
 * The action: trades the job's OIDC token for one of Coffer, reads what is asked for, masks it, and hands it on. Either all secrets are
 * handed on or none. Nothing but Node is needed.
 *
 * As the job ends it runs once more and revokes a token that leased secrets hang on; any other is revoked at once.
 * https://docs.github.com/actions/reference/security/oidc, https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { env, stdout } from 'node:process';

const patience = 30_000;
const longestAnswer = 8 * 1024 * 1024;
/** Variables that say what later steps run rather than what they know. */
const notForSecrets =
  /^(PATH|HOME|SHELL|IFS|ENV|BASH_ENV|NODE_.*|LD_.*|DYLD_.*|PYTHON.*|PERL.*|RUBY.*|JAVA_.*|GIT_.*|GITHUB_.*|RUNNER_.*|ACTIONS_.*|INPUT_.*|STATE_.*)$/i;

class Refusal extends Error {}

try {
  if (env.STATE_token === undefined || env.STATE_token === '') await main();
  else await revoke(serverOf(), env.STATE_token);
} catch (error) {
  const known = error instanceof Refusal;
  command('error', known ? error.message : `the action failed (${error?.code ?? error?.name ?? 'unknown'})`);
  process.exitCode = 1;
}

async function main() {
  // In the run at the job's end there is nothing left to do.
  if (env.STATE_done === 'true') return;
  hand('GITHUB_STATE', [{ name: 'done', value: 'true' }]);
  const server = serverOf();
  const wanted = parseSecrets(input('secrets'));
  const toEnvironment = parseSwitch('export-env');
  const jwt = await ownIdentity(input('audience'));
  const token = await logIn(server, jwt);
  let leased = false;
  try {
    const read = await readAll(server, token, wanted);
    leased = read.leased;
    for (const { value } of read.values) for (const text of textsOf(value)) mask(text);
    const values = read.values.map(({ name, value }) => ({ name, value: asText(value) }));
    hand('GITHUB_OUTPUT', values);
    if (toEnvironment) hand('GITHUB_ENV', values);
    stdout.write(`read ${read.values.length} secrets\n`);
  } finally {
    // What is leased ends with its token: that has to live as long as the job.
    if (leased) hand('GITHUB_STATE', [{ name: 'token', value: token }]);
    else await revoke(server, token);
  }
}

function input(name) {
  return (env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

function parseSwitch(name) {
  const text = input(name).toLowerCase();
  if (!['', 'true', 'false'].includes(text)) throw new Refusal(`${name} must be true or false`);
  return text === 'true';
}

/** Tokens and secrets go over TLS, or do not leave the machine. */
function serverOf() {
  const text = input('url');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url !== undefined && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && local))) {
    throw new Refusal('url must look like https://coffer.example.com:8200');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Refusal('url must have no user, password, query or fragment');
  }
  const ca = input('ca-certificate');
  return { base: url.href.replace(/\/+$/, ''), tls: ca === '' ? {} : { ca } };
}

/** `PATH FIELD | NAME` a line; blank lines and those that begin with # are passed over. */
function parseSecrets(text) {
  const lines = text.split('\n').map((line) => line.trim());
  const wanted = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, path, field, name] = /^(\S+)\s+(\S+)\s*\|\s*([A-Za-z_]\w*)\s*;?$/.exec(line) ?? [];
      if (path === undefined) throw new Refusal('each line of secrets must be: PATH FIELD | NAME');
      if (notForSecrets.test(name))
        throw new Refusal(`${name} is no name for a secret: it has a meaning of its own`);
      return { path: encodePath(path), field, name };
    });
  if (wanted.length === 0) throw new Refusal('secrets names none');
  const names = wanted.map(({ name }) => name.toUpperCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Refusal(`${twice} is named twice`);
  return wanted;
}

function encodePath(path) {
  const segments = path.replace(/^\/+|\/+$/g, '').split('/');
  if (segments.some((segment) => ['', '.', '..'].includes(segment))) {
    throw new Refusal('a path has an empty, "." or ".." segment');
  }
  return segments.map(encodeURIComponent).join('/');
}

async function ownIdentity(audience) {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: credential } = env;
  if (!address || !credential) {
    throw new Refusal('the job has no identity: give it "permissions: { id-token: write }"');
  }
  const url = new URL(address);
  url.searchParams.set('audience', audience);
  const answer = await send('GET', url.href, { Authorization: `Bearer ${credential}` });
  const jwt = answer.body?.value;
  if (answer.status !== 200 || typeof jwt !== 'string') {
    throw new Refusal(`GitHub gave the job no token (${answer.status})`);
  }
  mask(jwt);
  return jwt;
}

async function logIn(server, jwt) {
  const role = input('role');
  const body = { ...(role === '' ? {} : { role }), jwt };
  const answer = await ask(server, 'POST', `auth/${encodePath(input('mount') || 'jwt')}/login`, { body });
  const token = answer.body?.auth?.client_token;
  if (answer.status !== 200 || typeof token !== 'string' || token === '') {
    throw new Refusal(`the login was refused: ${wordsOf(answer)}`);
  }
  mask(token);
  return token;
}

/** Each path once, however many of its fields are wanted: they are of one version then. */
async function readAll(server, token, wanted) {
  const answers = new Map();
  for (const { path } of wanted) {
    if (answers.has(path)) continue;
    const answer = await ask(server, 'GET', path, { token });
    if (answer.status !== 200)
      throw new Refusal(`${decodeURIComponent(path)} cannot be read: ${wordsOf(answer)}`);
    answers.set(path, answer.body);
  }
  const values = wanted.map(({ path, field, name }) => {
    const fields = fieldsOf(answers.get(path));
    // What every object has is no field.
    const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (value === undefined || value === null) {
      throw new Refusal(`${decodeURIComponent(path)} has no field ${field}`);
    }
    return { name, value };
  });
  return { values, leased: [...answers.values()].some((body) => (body?.lease_id ?? '') !== '') };
}

/** Fields of a version of kv lie one deeper, beside its metadata. */
function fieldsOf(body) {
  const data = body?.data ?? {};
  const versioned =
    typeof data.data === 'object' && data.data !== null && data.metadata?.version !== undefined;
  return versioned ? data.data : data;
}

async function revoke(server, token) {
  const answer = await ask(server, 'POST', 'auth/token/revoke-self', { token }).catch(() => ({ status: 0 }));
  if (answer.status !== 204) command('warning', 'the token could not be revoked; it ends by itself');
}

function ask({ base, tls }, method, path, { token, body } = {}) {
  const headers = { 'X-Vault-Request': 'true', ...(token === undefined ? {} : { 'X-Vault-Token': token }) };
  return send(method, `${base}/v1/${path}`, headers, body, tls);
}

/** Redirects are not followed: what is sent is for one host. */
function send(method, address, headers, body, tls = {}) {
  const start = address.startsWith('https:') ? httpsRequest : httpRequest;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const own = text === undefined ? headers : { ...headers, 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = start(address, { method, headers: own, ...tls }, (response) => {
      const chunks = [];
      let length = 0;
      response.on('data', (chunk) => {
        length += chunk.length;
        if (length > longestAnswer) request.destroy(new Refusal('an answer is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode, body: parsed(Buffer.concat(chunks)) }));
      response.on('error', reject);
    });
    request.setTimeout(patience, () => request.destroy(new Refusal('no answer in time')));
    request.on('error', reject);
    request.end(text);
  });
}

function parsed(bytes) {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function wordsOf({ status, body }) {
  const [first] = Array.isArray(body?.errors) ? body.errors : [];
  return typeof first === 'string' && first !== ''
    ? `${first.replaceAll(/\s+/g, ' ').trim()} (${status})`
    : `status ${status}`;
}

/** The runner masks line by line, and compares what is printed with what it was given: so each line, with and without its blanks. */
function mask(value) {
  const lines = value.split(/\r\n|\r|\n/);
  for (const line of new Set([...lines, ...lines.map((each) => each.trim())])) {
    if (line.trim() !== '') command('add-mask', line);
  }
}

/** What a value is outside, and each text in it: who takes it apart prints these. */
function textsOf(value) {
  const inner = typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
  return [asText(value), ...inner.filter((text) => !['true', 'false', 'null'].includes(text))];
}

function asText(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Names and values of any lines, for a file of the runner's, all at once. What ends a value is random, so that no value can. */
function hand(file, values) {
  const path = env[file];
  if (!path) throw new Refusal(`${file} is not set: this runs as a step of GitHub Actions only`);
  const texts = values.map(({ name, value }) => {
    const end = `coffer-${randomUUID()}`;
    return `${name}<<${end}\n${value}\n${end}\n`;
  });
  appendFileSync(path, texts.join(''));
}

/** A command of the runner, its text escaped as its own toolkit does. */
function command(name, text) {
  stdout.write(`::${name}::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}\n`);
}

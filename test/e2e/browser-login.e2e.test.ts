import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { KubernetesApi } from '../fakes/kubernetes-api.ts';
import { OidcProvider } from '../fakes/oidc-provider.ts';
import { freePort } from '../setup/free-port.ts';
import { cleanUp, cli, freshPlace, type Place, startServer } from './server-process.ts';

afterAll(cleanUp);

/** A browser that goes where it is sent, and then back. It is found as any program that opens addresses is. */
function installBrowser({ home }: Place): string {
  const folder = join(home, 'browser');
  mkdirSync(folder);
  const script = `#!${process.execPath}
const { get } = require('node:http');
require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'seen.json'))}, JSON.stringify([process.argv.slice(2), process.env]));
const go = (url) => get(url, (answer) => { answer.resume(); if (answer.headers.location) go(answer.headers.location); });
go(process.argv[2]);
`;
  for (const name of ['xdg-open', 'open']) {
    writeFileSync(join(folder, name), script);
    chmodSync(join(folder, name), 0o700);
  }
  return folder;
}

it('a person logs in by browser, a build with its JWT, a pod with its service account', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const provider = await new OidcProvider({ now: Date.now }).open();
  const cluster = await new KubernetesApi(Date.now).open();
  const address = { COFFER_ADDR: server.address };
  const admin = async (words: readonly string[], stdin?: string) => {
    const outcome = await cli(place, words, { env: address, ...(stdin === undefined ? {} : { stdin }) });
    expect(outcome, words.join(' ')).toMatchObject({ code: 0 });
  };
  try {
    const port = await freePort();
    await admin(['auth', 'enable', 'oidc']);
    await admin(['auth', 'enable', 'jwt']);
    await admin(['auth', 'enable', 'kubernetes']);
    await admin(
      [
        'api',
        'POST',
        'auth/oidc/config',
        `oidc_discovery_url=${provider.issuer}`,
        `oidc_client_id=${provider.clientId}`,
        'oidc_client_secret=-',
      ],
      provider.clientSecret,
    );
    const redirect = `http://localhost:${port}/oidc/callback`;
    await admin([
      'api',
      'POST',
      'auth/oidc/role/people',
      'user_claim=email',
      `allowed_redirect_uris=${redirect}`,
    ]);

    const browser = installBrowser(place);
    const words = ['login', '--method', 'oidc', '--role', 'people', '--port', String(port)];
    const env = {
      ...address,
      PATH: `${browser}:${place.env['PATH'] ?? ''}`,
      VAULT_TOKEN: 'not for browsers',
    };
    const outcome = await cli(place, words, { env });
    expect(outcome).toMatchObject({ code: 0, stdout: '' });
    expect(outcome.stderr).toContain('policies: default');
    const seen = readFileSync(join(browser, 'seen.json'), 'utf8');
    expect(seen).not.toContain('not for browsers');
    const [[opened]] = JSON.parse(seen) as [[string], unknown];
    expect(new URL(opened).origin).toBe(provider.issuer);
    const who = await cli(place, ['api', 'GET', 'auth/token/lookup-self'], { env: address });
    expect(who.stdout).toContain('oidc-ann@example.com');

    const rooted = readRootToken(place);
    const asRoot = { ...address, COFFER_TOKEN: rooted };
    const role = ['role_type=jwt', 'user_claim=sub', 'bound_audiences=coffer'];
    await cli(place, ['api', 'POST', 'auth/jwt/config', `jwks_url=${provider.jwksUrl}`], { env: asRoot });
    await cli(place, ['api', 'POST', 'auth/jwt/role/build', ...role], { env: asRoot });
    const jwt = await provider.sign({ sub: 'project-7', aud: 'coffer' });
    const built = await cli(place, ['login', '--method', 'jwt', '--role', 'build', '--no-store'], {
      env: address,
      stdin: jwt,
    });
    expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/^hvs\.\S+\n$/) });

    const account = await cluster.boundToken({ namespace: 'shop', name: 'web', uid: 'w' });
    cluster.reviewers.add(account);
    const config = {
      kubernetes_host: cluster.host,
      kubernetes_ca_cert: cluster.certificate.certificate,
    };
    await cli(place, ['api', 'POST', 'auth/kubernetes/config', '-'], {
      env: asRoot,
      stdin: JSON.stringify(config),
    });
    const bound = ['bound_service_account_names=web', 'bound_service_account_namespaces=shop'];
    await cli(place, ['api', 'POST', 'auth/kubernetes/role/web', ...bound], { env: asRoot });
    const file = join(place.home, 'service-account-token');
    writeFileSync(file, account);
    const podWords = ['login', 'kubernetes', '--role', 'web', '--jwt-file', file, '--no-store'];
    const pod = await cli(place, podWords, { env: address });
    expect(pod).toMatchObject({ code: 0, stdout: expect.stringMatching(/^hvs\.\S+\n$/) });
  } finally {
    await provider.close();
    await cluster.close();
  }
});

function readRootToken({ config }: Place): string {
  const [file = ''] = readdirSync(config).filter((name) => name.endsWith('.root-token'));
  return readFileSync(join(config, file), 'utf8').trim();
}

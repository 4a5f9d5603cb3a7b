import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { KubernetesApi } from '../fakes/kubernetes-api.ts';
import { OidcProvider } from '../fakes/oidc-provider.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac uses all that it knows of jwt, oidc and kubernetes', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  const provider = await new OidcProvider({ now: Date.now }).open();
  const cluster = await new KubernetesApi(Date.now).open();
  try {
    const reviewer = await cluster.boundToken({ namespace: 'coffer', name: 'reviewer', uid: 'r' });
    cluster.reviewers.add(reviewer);
    const given = {
      address: server.address,
      token: readFileSync(join(place.config, file), 'utf8').trim(),
      issuer: provider.issuer,
      jwks_url: provider.jwksUrl,
      client_id: provider.clientId,
      client_secret: provider.clientSecret,
      jwt: await provider.sign({ sub: 'project-7', aud: ['coffer'], ref: 'refs/heads/main' }),
      kubernetes_host: cluster.host,
      kubernetes_ca: cluster.certificate.certificate,
      reviewer,
      account: await cluster.boundToken({ namespace: 'shop', name: 'web', uid: 'w' }),
      other_account: await cluster.boundToken({ namespace: 'bank', name: 'web', uid: 'x' }),
    };
    const script = fileURLToPath(new URL('./hvac-jwt.py', import.meta.url));
    expect(await runProgram(python, [script], place.env, JSON.stringify(given))).toEqual({
      code: 0,
      stdout: 'jwt\noidc\nkubernetes\n',
      stderr: '',
    });
  } finally {
    await provider.close();
    await cluster.close();
  }
});

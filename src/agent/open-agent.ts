/** An agent, put together from its settings. */
import type { AwsOptions } from '../aws/aws-options.ts';
import { Agent, type AgentSurroundings } from './agent.ts';
import { ApplicationOutput } from './application-output.ts';
import { isNoted } from './change-note.ts';
import { Child } from './child.ts';
import { CredentialDirectory, type DirectorySurroundings } from './credential-directory.ts';
import { EnvironmentOutput } from './environment-output.ts';
import { KvSecrets } from './kv-secrets.ts';
import type { Output } from './output.ts';
import { Session, type SessionSurroundings } from './session.ts';
import type { AgentSettings } from './settings.ts';
import { openSource } from './source.ts';

export interface OpenSurroundings extends AgentSurroundings, DirectorySurroundings, SessionSurroundings {
  /** For the SDK's own variables. */
  readonly env: AwsOptions['env'];
}

export interface OpenedAgent extends Disposable {
  readonly agent: Agent;
  readonly applications: readonly ApplicationOutput[];
  readonly child: Child | undefined;
}

/** Connects to nothing and starts nothing. Templates load only where there are some. */
export async function openAgent(
  settings: AgentSettings,
  surroundings: OpenSurroundings,
): Promise<OpenedAgent> {
  const session = settings.login === undefined ? undefined : new Session(settings.login, surroundings);
  const secrets = session === undefined ? undefined : new KvSecrets(session);
  // Digests are for who is told of versions; one round without a report needs none.
  const asked = settings.report !== undefined || settings.socket !== undefined;
  const versionOf = asked ? (await import('../delivery/document.ts')).documentVersion : undefined;
  const applications = settings.applications.map((each) => {
    const source = openSource(each.source, each.id, each.documents, { env: surroundings.env, secrets });
    const directory = new CredentialDirectory(
      each.directory,
      each.rights,
      surroundings,
      isNoted(each.onChange),
    );
    return new ApplicationOutput(each, source, directory, versionOf);
  });
  const outputs: Output[] = [...applications];
  if (secrets !== undefined && settings.templates.length > 0) {
    const { TemplateOutput } = await import('./template-output.ts');
    outputs.push(...settings.templates.map((each) => new TemplateOutput(each, secrets, surroundings)));
  }
  const { exec } = settings;
  const child = exec === undefined ? undefined : new Child(exec, surroundings);
  const environment =
    exec === undefined || exec.environment.length === 0 || secrets === undefined
      ? undefined
      : new EnvironmentOutput(exec.environment, secrets);
  if (environment !== undefined) outputs.push(environment);
  const agent = new Agent(
    {
      outputs,
      session,
      report: settings.report,
      child,
      childSecrets: () => (environment === undefined ? new Map() : environment.values),
      interval: settings.interval,
    },
    surroundings,
  );
  return { agent, applications, child, [Symbol.dispose]: () => session?.[Symbol.dispose]() };
}

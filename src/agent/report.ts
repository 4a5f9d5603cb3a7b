/** Says to the server which version of its credentials an application on this host has. */
import type { ApplicationOutput } from './application-output.ts';
import type { Session } from './session.ts';

export interface ReportPlace {
  readonly mount: string;
  /** This host, among the application's readers. */
  readonly reader: string;
}

/** Rejects as `Session.ask` does. Nothing is said of an application that has none. */
export async function report(
  session: Session,
  { mount, reader }: ReportPlace,
  application: ApplicationOutput,
): Promise<void> {
  const { user, client } = application.versions();
  if (user === undefined && client === undefined) return;
  const body = {
    ...(user === undefined ? {} : { user_version: user }),
    ...(client === undefined ? {} : { client_version: client }),
  };
  const path = `${mount}/apps/${application.name}/readers/${reader}`;
  await session.ask((asked) => asked.request('POST', path, { body }));
}

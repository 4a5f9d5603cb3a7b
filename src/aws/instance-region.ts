/** Which region an instance of EC2 is in, as its metadata service says: for programs that nobody has told. */
import { instanceMetadata } from './instance-metadata.ts';

/** Undefined anywhere else, where the service is switched off, and for an answer that is no region. */
export async function instanceRegion(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const ask = await instanceMetadata(env);
  const region = await ask?.('meta-data/placement/region');
  return region !== undefined && /^[a-z]{2}[a-z0-9-]{1,40}$/.test(region) ? region : undefined;
}

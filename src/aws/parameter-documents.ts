/** Parameters of type SecureString in the Parameter Store. */
import type { AwsOptions } from './aws-options.ts';
import { callerIdentity } from './caller.ts';
import { LazyClient } from './client-config.ts';
import { type DocumentOrigin, type NamedDocuments, tagsOf } from './named-documents.ts';

/** Connects to nothing and loads nothing before the first call. */
export function parameterDocuments(options: AwsOptions): NamedDocuments {
  const ssm = new LazyClient(
    options,
    { service: 'the Parameter Store', env: 'SSM' },
    async () => (await import('./ssm-sdk.ts')).ssmSdk,
    (sdk, config) => new sdk.SSMClient(config),
  );
  const write = (
    name: string,
    input: { readonly Type: 'String' | 'SecureString'; readonly Value: string; readonly KeyId?: string },
    signal: AbortSignal,
  ) =>
    ssm.call(about('PutParameter', name), async ({ sdk, client }, end) => {
      const command = new sdk.PutParameterCommand({ ...input, Name: name, Overwrite: true });
      const { Version } = await client.send(command, { abortSignal: AbortSignal.any([signal, end]) });
      return Version === 1;
    });
  const tag = (name: string, origin: DocumentOrigin, signal: AbortSignal) =>
    ssm.call(about('AddTagsToResource', name), async ({ sdk, client }, end) => {
      const input = { ResourceType: 'Parameter' as const, ResourceId: name, Tags: [...tagsOf(origin)] };
      const command = new sdk.AddTagsToResourceCommand(input);
      await client.send(command, { abortSignal: AbortSignal.any([signal, end]) });
    });
  return {
    async put(name, text, origin, _token, signal) {
      const key = origin.kmsKey === undefined ? {} : { KeyId: origin.kmsKey };
      // Tags and overwriting do not go together in one call.
      const isNew = await write(name, { Type: 'SecureString', Value: text, ...key }, signal);
      if (isNew) await tag(name, origin, signal);
    },
    async tryPutting(name, _token, signal) {
      await write(probeOf(name), { Type: 'String', Value: '{"status":"SUCCESS"}' }, signal);
    },
    remove: (name, signal) =>
      ssm.call(about('DeleteParameters', name), async ({ sdk, client }, end) => {
        const command = new sdk.DeleteParametersCommand({ Names: [name, probeOf(name)] });
        await client.send(command, { abortSignal: AbortSignal.any([signal, end]) });
      }),
    account: async () => (await callerIdentity({ ...options, endpoint: undefined })).account,
    close: () => ssm.close(),
  };
}

/** Beside what readers look for: a version of the parameter itself would be what they read. */
function probeOf(name: string): string {
  return `${name.slice(0, name.lastIndexOf('/'))}/test-mint-write`;
}

function about(operation: string, name: string) {
  return { action: `ssm:${operation}`, resource: `parameter ${name}` };
}

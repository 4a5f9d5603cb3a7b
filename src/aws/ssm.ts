/** The Parameter Store of Systems Manager, as far as Coffer uses it: a few small texts, none of them secret, that are written once. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

/** A parameter's name begins with `/`. Every call rejects with `AwsError`, and has a deadline. */
export interface ParameterClient {
  /** Everything below a folder (`/coffer/NAME`), by full name. */
  below(folder: string): Promise<ReadonlyMap<string, string>>;
  /** What a parameter says; undefined where there is none, or none yet. */
  read(name: string): Promise<string | undefined>;
  /**
   * Makes a parameter of type String, and leaves one that is there as it is. `exists` also where it was this very call that made it
   * and the first answer was lost: whoever has to know reads it.
   */
  create(name: string, value: string, description: string): Promise<'created' | 'exists'>;
  /** Loads what a call will need. */
  prepare(): void;
  /** Where it asks; undefined before `prepare` or a call, and where nobody says. */
  region(): Promise<string | undefined>;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function parameterClient(options: AwsOptions): ParameterClient {
  const ssm = new LazyClient(
    options,
    { service: 'the Parameter Store', env: 'SSM' },
    async () => (await import('./ssm-sdk.ts')).ssmSdk,
    (sdk, config) => new sdk.SSMClient(config),
  );
  return {
    below: (folder) =>
      ssm.call(about('GetParametersByPath', folder), async ({ sdk, client }, abortSignal) => {
        const found = new Map<string, string>();
        let token: string | undefined;
        do {
          const input = {
            Path: folder,
            Recursive: true,
            ...(token === undefined ? {} : { NextToken: token }),
          };
          const answer = await client.send(new sdk.GetParametersByPathCommand(input), { abortSignal });
          for (const { Name = '', Value = '' } of answer.Parameters ?? []) found.set(Name, Value);
          token = answer.NextToken;
        } while (token !== undefined && token !== '');
        return found;
      }),
    async read(name) {
      try {
        return await ssm.call(about('GetParameter', name), async ({ sdk, client }, abortSignal) => {
          const { Parameter } = await client.send(new sdk.GetParameterCommand({ Name: name }), {
            abortSignal,
          });
          return Parameter?.Value;
        });
      } catch (error) {
        if (error instanceof AwsError && error.reason === 'not-found') return undefined;
        throw error;
      }
    },
    async create(name, value, description) {
      const input = {
        Name: name,
        Value: value,
        Description: description,
        Type: 'String' as const,
        Overwrite: false,
      };
      try {
        await ssm.call(about('PutParameter', name), async ({ sdk, client }, abortSignal) => {
          await client.send(new sdk.PutParameterCommand(input), { abortSignal });
        });
        return 'created';
      } catch (error) {
        if (error instanceof AwsError && error.reason === 'conflict') return 'exists';
        throw error;
      }
    },
    prepare: () => ssm.prepare(),
    region: () => ssm.region(),
    close: () => ssm.close(),
  };
}

function about(operation: string, name: string) {
  return { action: `ssm:${operation}`, resource: `parameter ${name}` };
}

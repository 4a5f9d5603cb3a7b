/** What holds for all roles of a mount. */
import { type Endpoint, endpoint, type Fields } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';

export interface CertConfig {
  /** Tokens are renewed without the certificate that they were made with. */
  readonly disableBinding: boolean;
  /** What a login's metadata says is also said of the identity's alias, for policies with templates. */
  readonly aliasMetadata: boolean;
}

const firstConfig: CertConfig = { disableBinding: false, aliasMetadata: false };

const configPath = 'config';

const fields = {
  disable_binding: {
    type: 'bool',
    help: 'Renew tokens without the certificate that they were made with.',
  },
  enable_identity_alias_metadata: {
    type: 'bool',
    help: 'Keep what a login says of the certificate with the identity’s alias too.',
  },
  ocsp_cache_size: { type: 'int', help: 'Without effect: OCSP is not asked here.' },
  role_cache_size: { type: 'int', help: 'Without effect: roles are found by an index.' },
} as const satisfies Fields;

export async function readConfig(view: View): Promise<CertConfig> {
  const sealed = await view.read(configPath);
  return sealed === undefined ? firstConfig : decodeStored<CertConfig>(sealed.open());
}

export function configEndpoint(): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Shows or sets what holds for all roles.',
    fields,
    operations: {
      read: {
        summary: 'Show the configuration',
        response: { disable_binding: { type: 'bool' }, enable_identity_alias_metadata: { type: 'bool' } },
        handle: async (call) => {
          const { disableBinding, aliasMetadata } = await readConfig(call.view);
          return {
            data: { disable_binding: disableBinding, enable_identity_alias_metadata: aliasMetadata },
          };
        },
      },
      update: {
        summary: 'Set the configuration',
        handle: async (call) => {
          const { disable_binding, enable_identity_alias_metadata } = call.fields;
          await retryOnConflict(async () => {
            const sealed = await call.view.read(configPath);
            const before = sealed === undefined ? firstConfig : decodeStored<CertConfig>(sealed.open());
            const after: CertConfig = {
              disableBinding: disable_binding ?? before.disableBinding,
              aliasMetadata: enable_identity_alias_metadata ?? before.aliasMetadata,
            };
            const asRead = { path: configPath, revision: sealed?.revision ?? null };
            await call.view.commit([{ path: configPath, value: encodeStored(after) }], [asRead]);
          });
          return undefined;
        },
      },
    },
  });
}

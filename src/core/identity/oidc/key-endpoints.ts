/** `identity/oidc/key/…`: the keys that sign identity tokens. */
import { generateSigningKey, parseSigningAlgorithm } from '../../../crypto/jwt/sign.ts';
import { CofferError } from '../../../errors.ts';
import { coreEndpoint } from '../../core-call.ts';
import type { Call, Endpoint, Fields, FieldValues } from '../../endpoint.ts';
import { listPage, pageFields } from '../../list-page.ts';
import { retryOnConflict } from '../../retry.ts';
import { commitKey, type Means, rotated } from './key-rotation.ts';
import {
  type KeyRecord,
  keyFolder,
  mostKeys,
  parseOidcName,
  type RoleRecord,
  readAllKept,
  readKept,
  roleFolder,
} from './records.ts';

const keyFields = {
  rotation_period: { type: 'duration', help: 'How long a key signs; 24h when absent, 1m at least.' },
  verification_ttl: {
    type: 'duration',
    help: 'How long a key verifies after it signed; 24h when absent, ten rotation periods at most.',
  },
  allowed_client_ids: { type: 'list', help: 'Client ids of roles that may use it; `*` for all.' },
  algorithm: {
    type: 'string',
    help: 'RS256 (when absent), RS384, RS512, ES256, ES384, ES512 or EdDSA; stays as it was made.',
  },
} as const satisfies Fields;

const rotateFields = {
  verification_ttl: { type: 'duration', help: 'How long the key that signs now still verifies.' },
} as const satisfies Fields;

const day = 86_400;
const shortestPeriod = 60;

export function keyEndpoints(means: Means): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'oidc/key/:name',
      help: 'A key that signs identity tokens. It rotates by itself.',
      fields: keyFields,
      operations: {
        update: {
          summary: 'Make or change a key of identity tokens',
          spendsFirst: true,
          handle: async (call) => void (await writeKey(call, means)),
        },
        read: {
          summary: 'Read a key of identity tokens',
          response: {
            algorithm: { type: 'string' },
            allowed_client_ids: { type: 'list' },
            rotation_period: { type: 'duration' },
            verification_ttl: { type: 'duration' },
          },
          handle: async ({ params, view }) => {
            const kept = await readKept<KeyRecord>(view, keyFolder + parseOidcName(params['name'] ?? ''));
            if (kept === undefined) return undefined;
            const { algorithm, allowedClientIds, rotationPeriod, verificationTtl } = kept.record;
            return {
              data: {
                algorithm,
                allowed_client_ids: allowedClientIds,
                rotation_period: rotationPeriod,
                verification_ttl: verificationTtl,
              },
            };
          },
        },
        delete: {
          summary: 'End a key of identity tokens',
          spendsFirst: true,
          handle: async ({ params, view }) => {
            const name = parseOidcName(params['name'] ?? '');
            const roles = await readAllKept<RoleRecord>(view, roleFolder);
            const user = roles.find(({ key }) => key === name);
            if (user !== undefined) {
              throw new CofferError(
                'invalid_request',
                `unable to delete key "${name}": role "${user.name}" uses it`,
              );
            }
            await view.commit([{ path: keyFolder + name, value: null }]);
            return undefined;
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'oidc/key/:name/rotate',
      help: 'Puts another key in the place of the one that signs.',
      fields: rotateFields,
      operations: {
        update: {
          summary: 'Rotate a key of identity tokens',
          spendsFirst: true,
          handle: async ({ params, view, fields }) => {
            const path = keyFolder + parseOidcName(params['name'] ?? '');
            await retryOnConflict(async () => {
              const kept = await readKept<KeyRecord>(view, path);
              if (kept === undefined)
                throw new CofferError('invalid_request', 'there is no key of this name');
              const after = await rotated(kept.record, means, fields.verification_ttl);
              await commitKey(view, after, kept);
            });
            return undefined;
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'oidc/key',
      help: 'Lists the keys of identity tokens.',
      fields: pageFields,
      operations: {
        list: {
          summary: 'List keys of identity tokens',
          response: { keys: { type: 'list' } },
          handle: ({ view, fields }) => listPage((page) => view.children(keyFolder, page), fields),
        },
      },
    }),
  ];
}

async function writeKey(call: Call<typeof keyFields>, { clock, random }: Means): Promise<void> {
  const now = clock.now();
  const { view, fields, params } = call;
  const name = parseOidcName(params['name'] ?? '');
  await retryOnConflict(async () => {
    const kept = await readKept<KeyRecord>(view, keyFolder + name);
    const settings = settingsOf(fields, kept?.record);
    if (kept !== undefined) {
      const { rotationPeriod } = settings;
      // A shorter period counts from now at the latest.
      const rotatesAt = Math.min(kept.record.rotatesAt, now + rotationPeriod * 1_000);
      const stays = rotationPeriod === kept.record.rotationPeriod;
      await commitKey(
        view,
        { ...kept.record, ...settings, rotatesAt: stays ? kept.record.rotatesAt : rotatesAt },
        kept,
      );
      return;
    }
    const others = await view.children(keyFolder, { limit: mostKeys });
    if (others.items.length >= mostKeys)
      throw new CofferError('invalid_request', `there are at most ${mostKeys} keys`);
    const current = await generateSigningKey(settings.algorithm, random);
    const rotatesAt = now + settings.rotationPeriod * 1_000;
    await commitKey(view, { ...settings, name, current, retired: [], rotatesAt }, undefined);
  });
}

/** Throws `invalid_request`. */
function settingsOf(fields: FieldValues<typeof keyFields>, before: KeyRecord | undefined) {
  const rotationPeriod = fields.rotation_period ?? before?.rotationPeriod ?? day;
  const verificationTtl = fields.verification_ttl ?? before?.verificationTtl ?? day;
  if (rotationPeriod < shortestPeriod)
    throw new CofferError('invalid_request', 'rotation_period is at least a minute');
  if (verificationTtl <= 0 || verificationTtl > 10 * rotationPeriod) {
    throw new CofferError(
      'invalid_request',
      'verification_ttl is more than nothing and at most ten rotation periods',
    );
  }
  const algorithm = parseSigningAlgorithm(fields.algorithm ?? before?.algorithm ?? 'RS256');
  if (before !== undefined && before.algorithm !== algorithm) {
    throw new CofferError('invalid_request', 'the algorithm of a key stays: make another key');
  }
  const allowedClientIds = fields.allowed_client_ids ?? before?.allowedClientIds ?? [];
  if (allowedClientIds.length > 1_000 || allowedClientIds.some((id) => id.length > 200)) {
    throw new CofferError('invalid_request', 'at most 1000 client ids of 200 characters');
  }
  return { rotationPeriod, verificationTtl, algorithm, allowedClientIds };
}

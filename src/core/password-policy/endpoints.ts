/** `sys/policies/password`. */
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import { decodeBody } from '../policy/policy.ts';
import { generatePassword } from './generate.ts';
import type { PasswordPolicies } from './store.ts';

export function passwordPolicyEndpoints(
  policies: () => PasswordPolicies,
  random: Random,
): readonly Endpoint[] {
  return [listing(policies), one(policies), generating(policies, random)];
}

function listing(policies: () => PasswordPolicies): Endpoint {
  const list = {
    summary: 'List password policies',
    response: { keys: { type: 'list' } },
    handle: (call: CoreCall<typeof pageFields>) => listPage((page) => policies().list(page), call.fields),
  } as const;
  return coreEndpoint({
    pattern: 'policies/password',
    help: 'Lists the names of password policies.',
    fields: pageFields,
    operations: { list },
  });
}

function one(policies: () => PasswordPolicies): Endpoint {
  return coreEndpoint({
    pattern: 'policies/password/:name',
    help: 'Shows, writes or deletes a policy by which passwords are made.',
    foldsNames: true,
    fields: { policy: { type: 'string', help: 'length and rules, as HCL or JSON text, or base64 of it.' } },
    operations: {
      read: {
        summary: 'Show a password policy',
        response: { policy: { type: 'string' } },
        handle: async ({ params }) => {
          const policy = await policies().read(params['name'] ?? '');
          return policy === undefined ? undefined : { data: { policy } };
        },
      },
      update: {
        summary: 'Write a password policy',
        spendsFirst: true,
        handle: async ({ params, fields: { policy = '' } }) => {
          if (policy === '') throw new CofferError('invalid_request', 'missing policy');
          await policies().write(params['name'] ?? '', decodeBody(policy));
        },
      },
      delete: {
        summary: 'Delete a password policy',
        spendsFirst: true,
        handle: async ({ params }) => void (await policies().delete(params['name'] ?? '')),
      },
    },
  });
}

function generating(policies: () => PasswordPolicies, random: Random): Endpoint {
  return coreEndpoint({
    pattern: 'policies/password/:name/generate',
    help: 'Makes a password by a policy. It is kept nowhere.',
    foldsNames: true,
    fields: {},
    operations: {
      read: {
        summary: 'Make a password',
        response: { password: { type: 'string', sensitive: true } },
        handle: async ({ params }) => {
          const text = await policies().read(params['name'] ?? '');
          if (text === undefined) throw new CofferError('not_found', 'there is no such password policy');
          return { data: { password: generatePassword(text, random) } };
        },
      },
    },
  });
}

/** The one endpoint for logins, of instances and of principals alike; what is sent tells which. */
import { AwsError } from '../../aws/aws-error.ts';
import {
  type Endpoint,
  endpoint,
  type Fields,
  type FieldValues,
  type Principal,
} from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { type Ec2Login, logInInstance } from './ec2-login.ts';
import { type IamDesk, type IamLogin, logInPrincipal } from './iam-login.ts';
import type { AwsRooms } from './rooms.ts';
import { tidyByItself } from './tidy.ts';

const fields = {
  role: {
    type: 'string',
    help: 'The role; when absent, named like the instance’s image or like the principal.',
  },
  pkcs7: {
    type: 'string',
    help: 'An instance’s identity document as signed data, from the address rsa2048 or pkcs7.',
    sensitive: true,
  },
  identity: { type: 'string', help: 'An instance’s identity document, in base64.', sensitive: true },
  signature: { type: 'string', help: 'Its signature, in base64.', sensitive: true },
  nonce: {
    type: 'string',
    help: 'What the first login of the instance brought or was told; empty for a login that is the last.',
    sensitive: true,
  },
  iam_http_request_method: { type: 'string', help: 'Of the request to STS that a principal signed: POST.' },
  iam_request_url: { type: 'string', help: 'Its URL, in base64.' },
  iam_request_body: { type: 'string', help: 'Its body, in base64.' },
  iam_request_headers: {
    type: 'header',
    help: 'Its headers: an object, or base64 of its JSON.',
    sensitive: true,
  },
} as const satisfies Fields;

export function loginEndpoint(rooms: AwsRooms, desk: IamDesk): Endpoint {
  return endpoint({
    pattern: 'login',
    help: 'Trades what AWS has signed for a token.',
    fields,
    operations: {
      update: {
        summary: 'Log in as an instance or a principal of IAM',
        login: true,
        handle: async (call) => {
          const iam = iamLogin(call.fields);
          if (iam !== undefined)
            return { login: await uniform(() => logInPrincipal(rooms, desk, call, iam)) };
          const login = ec2Login(call.fields);
          const principal = await uniform(() => logInInstance(rooms, call, login));
          await tidyByItself(call);
          return { login: principal };
        },
      },
    },
  });
}

/** Undefined where nothing of it was sent. Throws `invalid_request` for a part of it, and for both kinds at once. */
function iamLogin(sent: FieldValues<typeof fields>): IamLogin | undefined {
  const {
    role = '',
    iam_http_request_method: method = '',
    iam_request_url: url = '',
    iam_request_body: body = '',
    iam_request_headers: headers = {},
  } = sent;
  const given = [method !== '', url !== '', body !== '', Object.keys(headers).length > 0];
  if (!given.includes(true)) return undefined;
  const { pkcs7 = '', identity = '', signature = '' } = sent;
  if (given.includes(false) || pkcs7 + identity + signature !== '') {
    throw new CofferError(
      'invalid_request',
      'a login of a principal sends iam_http_request_method, iam_request_url, iam_request_body and iam_request_headers, and nothing of an instance',
    );
  }
  return { role, request: { method, url, body, headers } };
}

/** Throws `invalid_request` for a login that is none, which says nothing of anybody. */
function ec2Login({
  role = '',
  pkcs7 = '',
  identity = '',
  signature = '',
  nonce,
}: FieldValues<typeof fields>): Ec2Login {
  if (pkcs7 !== '' && identity === '' && signature === '') return { role, nonce, proof: { pkcs7 } };
  if (pkcs7 === '' && identity !== '' && signature !== '')
    return { role, nonce, proof: { identity, signature } };
  throw new CofferError(
    'invalid_request',
    'a login sends pkcs7, or identity and signature, or the four fields of a signed request',
  );
}

/** One answer for every refusal; what it was is for the audit log. That AWS cannot be asked is told as such, and no more. */
export async function uniform(work: () => Promise<Principal>): Promise<Principal> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof AwsError) {
      const code = cause.reason === 'throttled' ? 'rate_limited' : 'unavailable';
      throw new CofferError(code, 'AWS cannot be asked about this login now; try again', {
        cause,
        auditReason: cause.message,
      });
    }
    if (!(cause instanceof CofferError) || cause.code !== 'permission_denied') throw cause;
    throw new CofferError('invalid_request', 'permission denied', { cause, auditReason: cause.message });
  }
}

/** The endpoints of revocation lists. */
import { type Call, type Endpoint, endpoint, type Fields, type Reply } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { decodePem } from '../../crypto/x509/pem.ts';
import type { RevocationList } from '../../crypto/x509/revocation-list.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { parseBundle } from './certificates.ts';
import { listFolder, replaceList, serialsOf, writeList } from './revocation.ts';
import { authorityFolder, parseName, readRole } from './role.ts';

const fields = {
  crl: { type: 'string', help: 'The list: PEM, or DER in base64.' },
  url: { type: 'string', help: 'Refused: lists are uploaded, never fetched.' },
} as const satisfies Fields;

/** Bytes of a list in DER: some thirty thousand certificates. */
const longestList = 1024 * 1024;

export function crlEndpoints(environment: EngineEnvironment): readonly Endpoint[] {
  return [
    endpoint({
      pattern: 'crls',
      help: 'Lists revocation lists.',
      fields: pageFields,
      operations: {
        list: {
          summary: 'List revocation lists',
          response: { keys: { type: 'list' } },
          handle: (call) => listPage((page) => call.view.children(listFolder, page), call.fields),
        },
      },
    }),
    endpoint({
      pattern: 'crls/:name',
      help: 'Shows, uploads or deletes a revocation list: certificates that it names log in no more.',
      foldsNames: true,
      fields,
      operations: {
        read: {
          summary: 'Show the serial numbers of a revocation list',
          response: { serials: { type: 'object', help: 'Decimal serial numbers; the values are empty.' } },
          handle: async (call) => {
            const serials = await serialsOf(call.view, parseName(call.params['name']));
            if (serials === undefined) return undefined;
            return { data: { serials: Object.fromEntries(serials.map((serial) => [serial, {}])) } };
          },
        },
        update: {
          summary: 'Upload a revocation list',
          handle: (call) => upload(environment, call, call.fields),
        },
        delete: {
          summary: 'Delete a revocation list',
          handle: async (call) => {
            await replaceList(call.view, call.clock.now(), parseName(call.params['name']), undefined);
            return undefined;
          },
        },
      },
    }),
  ];
}

async function upload(
  environment: EngineEnvironment,
  call: Call,
  sent: { readonly crl: string | undefined; readonly url: string | undefined },
): Promise<Reply | undefined> {
  const name = parseName(call.params['name']);
  if (sent.url) {
    throw new CofferError(
      'invalid_request',
      'url is not supported: no server is asked for lists; fetch the list and upload it as crl',
    );
  }
  const { parseRevocationList } = await import('../../crypto/x509/revocation-list.ts');
  const list = parseRevocationList(derOf(sent.crl ?? ''));
  const known = await isSignedByKnown(call, list);
  if (known === false) {
    throw new CofferError('invalid_request', 'the list is not signed by the authority that it names');
  }
  await writeList(call.view, environment.random, call.clock.now(), name, list);
  return known === undefined ? { warnings: [unchecked] } : undefined;
}

const unchecked = 'no role has the certificate of the list’s issuer, so its signature was not checked';

function derOf(text: string): Buffer {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (text === '') throw refuse('missing field "crl"');
  if (text.length > longestList * 2) throw tooLong();
  const bare = text.replace(/\s/g, '');
  const der = text.includes('-----BEGIN ') ? decodePem(text, 'X509 CRL', 1)[0] : Buffer.from(bare, 'base64');
  if (der === undefined || der.length === 0) throw refuse('crl is a PEM text, or DER in base64');
  if (der.length > longestList) throw tooLong();
  return der;
}

function tooLong(): CofferError {
  return new CofferError('invalid_request', `a revocation list has at most ${longestList} bytes in DER`);
}

/** Roles whose authorities are looked at. */
const mostRoles = 100;

/** Whether an authority of that name signed it; undefined where no role has one. */
async function isSignedByKnown(call: Call, list: RevocationList): Promise<boolean | undefined> {
  const { items } = await call.view.children(authorityFolder(list.issuer), { limit: mostRoles });
  let known: false | undefined;
  for (const name of items) {
    const read = await readRole(call.view, name);
    if (read === undefined) continue;
    for (const certificate of await parseBundle(read.role.certificate)) {
      if (!certificate.subject.equals(list.issuer)) continue;
      if (list.isSignedBy(certificate)) return true;
      known = false;
    }
  }
  return known;
}

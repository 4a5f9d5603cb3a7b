/** `config/certificate/:name`: certificates of AWS besides the published ones, for regions that came later. */
import { X509Certificate } from 'node:crypto';
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { parseRoleName } from '../role-records.ts';
import type { ConfiguredKey } from './identity-proof.ts';

interface Stored {
  /** PEM. */
  readonly certificate: string;
  readonly endpoint: 'rsa2048' | 'signature';
  /** Empty for those of which AWS has published none. */
  readonly regions: readonly string[];
}

const folder = 'config/certificate/';
/** All are tried at a login of an unknown region, so they are few. */
const most = 100;

/** The keys that are configured, each read once while it stays as it is. */
export class ConfiguredKeys {
  #known: ReadonlyMap<string, { readonly revision: Revision; readonly key: ConfiguredKey }> = new Map();

  async read(view: View): Promise<readonly ConfiguredKey[]> {
    const { items } = await view.range(folder, { limit: most });
    const before = this.#known;
    const all = items.map((sealed) => {
      const { path, revision } = sealed;
      const known = before.get(path);
      return { path, revision, key: known?.revision === revision ? known.key : keyOf(sealed.open()) };
    });
    this.#known = new Map(all.map((each) => [each.path, each]));
    return all.map(({ key }) => key);
  }
}

function keyOf(stored: Buffer): ConfiguredKey {
  const { certificate, endpoint: of, regions } = decodeStored<Stored>(stored);
  return { endpoint: of, regions, key: new X509Certificate(certificate).publicKey };
}

export function certificateEndpoints(): readonly Endpoint[] {
  const list = endpoint({
    pattern: 'config/certificates',
    help: 'Lists configured certificates.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List configured certificates',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(folder, page), call.fields),
      },
    },
  });
  const one = endpoint({
    pattern: 'config/certificate/:name',
    help: 'Shows, writes or deletes a certificate that signs identity documents, besides those that AWS has published.',
    foldsNames: true,
    fields: {
      aws_public_cert: { type: 'string', help: 'The certificate: PEM, or base64 of PEM.' },
      type: {
        type: 'string',
        help: 'pkcs7 (the default), or identity for documents with a signature beside.',
      },
      regions: {
        type: 'list',
        help: 'Regions whose documents it signs; when absent, all for which no certificate has been published.',
      },
    },
    exists: async (call) => (await call.view.read(pathOf(call))) !== undefined,
    operations: {
      read: {
        summary: 'Show a certificate',
        response: {
          aws_public_cert: { type: 'string' },
          type: { type: 'string' },
          regions: { type: 'list' },
        },
        handle: async (call) => {
          const sealed = await call.view.read(pathOf(call));
          if (sealed === undefined) return undefined;
          const { certificate, endpoint: of, regions } = decodeStored<Stored>(sealed.open());
          const type = of === 'signature' ? 'identity' : 'pkcs7';
          return { data: { aws_public_cert: certificate, type, regions } };
        },
      },
      update: {
        summary: 'Write a certificate',
        handle: async (call) => {
          const { aws_public_cert: text = '', type = '', regions = [] } = call.fields;
          const stored: Stored = {
            certificate: parseCertificate(text),
            endpoint: parseType(type),
            regions: checkRegions(regions),
          };
          const path = pathOf(call);
          await checkRoom(call.view, path);
          await call.view.commit([{ path, value: encodeStored(stored) }]);
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a certificate',
        handle: async (call) => {
          await call.view.commit([{ path: pathOf(call), value: null }]);
          return undefined;
        },
      },
    },
  });
  return [list, one];
}

function pathOf(call: Call): string {
  return folder + parseRoleName(call.params['name'] ?? '');
}

async function checkRoom(view: View, path: string): Promise<void> {
  const { items } = await view.range(folder, { limit: most });
  if (items.length >= most && !items.some((each) => each.path === path))
    throw refused(`there are ${most} certificates already`);
}

/** In PEM. A kind of key that no new certificate should have is refused: only the published ones are as old as that. */
function parseCertificate(text: string): string {
  const pem = text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString('utf8');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) throw refused('aws_public_cert is one certificate in PEM');
  const certificate = read(block);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
  if (type !== 'rsa' || (details?.modulusLength ?? 0) < 2_048)
    throw refused(
      'aws_public_cert has a key of RSA with at least 2,048 bits, as those of the address rsa2048',
    );
  return certificate.toString();
}

function read(block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch {
    throw refused('aws_public_cert is no certificate');
  }
}

function checkRegions(regions: readonly string[]): readonly string[] {
  if (regions.length <= 100 && regions.every((region) => /^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/.test(region)))
    return regions;
  throw refused('regions has at most 100 regions such as eu-central-1');
}

function parseType(text: string): 'rsa2048' | 'signature' {
  if (text === '' || text === 'pkcs7') return 'rsa2048';
  if (text === 'identity') return 'signature';
  throw refused('type is "pkcs7" or "identity"');
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}

/**
 * Manifests of Kubernetes' Secret (core/v1), one document each. Values are base64 in `data`, bytes as they are. A manifest's name
 * has fewer letters than ours; an annotation keeps the whole name, so that it comes back.
 */
import { CofferError } from '../../errors.ts';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { decodeValue, encodeValue } from '../../secret-value.ts';
import { cannotCarry, lineError, type NamedSecret, type TreeFormat } from './format.ts';
import { readYaml, writeYaml } from './yaml-text.ts';

const annotation = 'coffer/name';

export const format: TreeFormat = {
  kind: 'tree',
  encodeOne: (secret) => writeYaml(manifest(secret)),
  series() {
    const names = new Map<string, string>();
    return {
      piece(secret) {
        const name = manifestName(secret.name);
        const other = names.get(name);
        if (other !== undefined) {
          throw new CofferError('conflict', `${other} and ${secret.name} would both be the manifest ${name}`);
        }
        names.set(name, secret.name);
        return `---\n${writeYaml(manifest(secret))}`;
      },
      end: () => '',
    };
  },
  decodeOne(text) {
    const [secret, ...others] = read(text);
    if (secret === undefined || others.length > 0) throw lineError(1, 'the text must be one Secret');
    return secret.data;
  },
  decodeMany: (text) => read(text),
};

function manifest({ name, data }: NamedSecret): JsonObject {
  const encoded = emptyObject();
  for (const [field, value] of Object.entries(data)) {
    // The API server's own rule for keys of a Secret.
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(field)) {
      throw cannotCarry('k8s', field, 'its name must have letters, digits, "-", "_" and "." only');
    }
    encoded[field] = bytesOf(field, value).toString('base64');
  }
  const metadata = { name: manifestName(name), annotations: { [annotation]: name } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: encoded };
}

function bytesOf(field: string, stored: JsonValue): Buffer {
  const value = decodeValue(stored);
  if (value.kind === 'binary') return value.bytes;
  if (!value.text.isWellFormed()) throw cannotCarry('k8s', field, 'it is not valid Unicode text');
  return Buffer.from(value.text);
}

/** RFC 1123 subdomain: what an object of Kubernetes may be called. */
function manifestName(name: string): string {
  const made = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/[-.]*\.[-.]*/g, '.')
    .replace(/^[-.]+|[-.]+$/g, '');
  if (made === '' || made.length > 253) {
    throw new CofferError('unsupported_operation', `no name of a manifest can be made of ${name}`);
  }
  return made;
}

function read(text: string): readonly NamedSecret[] {
  const documents = readYaml(text).filter((document) => document !== null);
  const manifests = documents.flatMap((document) =>
    isJsonObject(document) && document['kind'] === 'List' && Array.isArray(document['items'])
      ? document['items']
      : [document],
  );
  const secrets = manifests.map((document, index) => secretOf(document, index + 1));
  const names = new Set<string>();
  const twice = secrets.find(({ name }) => names.size === names.add(name).size);
  if (twice !== undefined) throw new CofferError('invalid_request', `${twice.name} is given twice`);
  return secrets;
}

function secretOf(document: JsonValue, number: number): NamedSecret {
  const fail = (problem: string) => new CofferError('invalid_request', `document ${number}: ${problem}`);
  if (!isJsonObject(document) || document['kind'] !== 'Secret') throw fail('not a manifest of kind Secret');
  const metadata = isJsonObject(document['metadata']) ? document['metadata'] : {};
  const annotations = isJsonObject(metadata['annotations']) ? metadata['annotations'] : {};
  const name = annotations[annotation] ?? metadata['name'];
  if (typeof name !== 'string' || name === '') throw fail('it has no metadata.name');
  const fields = emptyObject();
  for (const [field, value] of Object.entries(mapAt(document, 'data', fail))) {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.toString('base64') !== value.replace(/\s+/g, '')) throw fail('a value of data is not base64');
    fields[field] = encodeValue(bytes);
  }
  // Written by hand in place of base64; it wins, as it does in Kubernetes.
  for (const [field, value] of Object.entries(mapAt(document, 'stringData', fail))) fields[field] = value;
  return { name, data: fields };
}

function mapAt(
  document: JsonObject,
  member: string,
  fail: (problem: string) => CofferError,
): Readonly<Record<string, string>> {
  const map = document[member] ?? {};
  if (!isJsonObject(map) || !Object.values(map).every((value) => typeof value === 'string')) {
    throw fail(`${member} must be a map of texts`);
  }
  return map as Readonly<Record<string, string>>;
}

/** Lists of places that applications' credentials may be delivered to. */
import { type Kind, listOf, paths } from './kinds.ts';

/** Directories; not said is another thing than none. */
export const deliveryDirectories: Kind<readonly string[] | undefined> = {
  placeholder: paths.placeholder,
  looks: paths.looks,
  read: (value, base) => paths.read(value, base),
  fromText: paths.fromText,
  show: (value) => (value === undefined ? '' : paths.show(value)),
};

/** Buckets of S3. */
export const buckets = listing(
  /^[a-z0-9.*-]{1,63}(?:@\d{12})?$/,
  'BUCKET',
  'buckets such as ["org-mint-*@123456789012"]',
  'a list of buckets with `*` for any text, behind `@` the account that must own them (`["org-mint-*@123456789012"]`; with commas between them in a flag or variable); the first that fits counts',
);

const where = String.raw`(?:@(?:\*|[a-z]{2}[a-z0-9-]{1,40})(?:\/\d{12})?)?$`;

/** Prefixes of names in the Secrets Manager. */
export const secretPrefixes = listing(
  new RegExp(`^[A-Za-z0-9/_+=.*-]{1,400}${where}`),
  'PREFIX',
  'prefixes such as ["apps/*@eu-central-1"]',
  'a list of prefixes with `*` for any text, behind `@` a region (or `*`), and behind `/` the account of this server’s identity (`["apps/*@eu-central-1/123456789012"]`; with commas between them in a flag or variable)',
);

/** Prefixes of names in the Parameter Store. */
export const parameterPrefixes = listing(
  new RegExp(String.raw`^\/[A-Za-z0-9/_.*-]{0,400}${where}`),
  'PREFIX',
  'prefixes such as ["/apps/*@eu-central-1"]',
  'the same, with `/` before each prefix (`["/apps/*@eu-central-1/123456789012"]`)',
);

/** Namespaces of Kubernetes clusters. */
export const namespaces = listing(
  /^https:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?\/[a-z0-9*-]{1,63}(?:\?token=\/[^&?#\s,]{1,400}&ca=\/[^&?#\s,]{1,400})?$/,
  'URL',
  'namespaces such as ["https://10.0.0.1:6443/shop-*?token=/etc/coffer/cluster/token&ca=/etc/coffer/cluster/ca.crt"]',
  'a list of `https://HOST:PORT/NAMESPACE?token=FILE&ca=FILE` with `*` for any text in the namespace; the files hold a token and the cluster’s certificates, and without them the pod’s own are taken (with commas between them in a flag or variable); the first that fits counts',
);

function listing(form: RegExp, placeholder: string, what: string, looks: string): Kind<readonly string[]> {
  return {
    placeholder: `${placeholder},...`,
    looks,
    read: (value) => listOf(value, form, what),
    fromText: (text) => text.split(',').map((each) => each.trim()),
    show: (value) => value.join(','),
  };
}

/**
 * What a deployment is told: a YAML file with the keys that the file of stsftw's deployment has (`app.yml`), and a few of ours. All that is
 * wrong is told together.
 */
import { parse } from 'yaml';

export interface DeploySettings {
  /** Names everything: small letters, digits and hyphens. */
  readonly appName: string;
  /** Of the hosted zone: `example.com`. */
  readonly zone: string;
  readonly zoneId: string;
  /** Where clients reach it: `coffer.example.com`. */
  readonly domain: string;
  readonly tableName: string;
  /** Whom notices go to. */
  readonly email: string;
  readonly region: string;
  /** ARNs of the roles whose credentials it may hand out; none, then no credentials of AWS at all. */
  readonly roles: readonly string[];
  /** What the function speaks. */
  readonly dialect: string;
  /** Networks that may reach the load balancer; everybody, if absent. */
  readonly allowed: readonly string[];
}

export interface ReadSettings {
  readonly settings: DeploySettings;
  /** Keys that mean nothing here, with why: for whoever brings a file along. */
  readonly notes: readonly string[];
}

interface Row {
  readonly key: string;
  readonly form: RegExp;
  readonly what: string;
}

const rows = {
  appName: {
    key: 'app_name',
    form: /^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/,
    what: '1 to 22 small letters, digits and hyphens, none of these at the beginning or the end',
  },
  zone: { key: 'zone', form: /^(?:[a-z0-9-]+\.)+[a-z]{2,}$/, what: 'a domain, as example.com' },
  zoneId: {
    key: 'zone_id',
    form: /^Z[A-Z0-9]{5,31}$/,
    what: 'the id of the hosted zone (aws route53 list-hosted-zones-by-name --dns-name ZONE)',
  },
  domain: { key: 'domain', form: /^(?:[a-z0-9-]+\.)+[a-z]{2,}$/, what: 'a name in the zone' },
  tableName: {
    key: 'dynamo_table_name',
    form: /^[A-Za-z0-9_.-]{3,255}$/,
    what: 'the name of a table that does not exist yet',
  },
  email: { key: 'email', form: /^[^@\s]+@[^@\s]+\.[^@\s]+$/, what: 'an e-mail address' },
  region: { key: 'region', form: /^[a-z]{2}(?:-[a-z]+)+-\d$/, what: 'a region of AWS' },
} as const satisfies Record<string, Row>;

const lists = {
  roles: {
    key: 'roles',
    form: /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/,
    what: 'ARNs of roles, in full: arn:aws:iam::111122223333:role/NAME',
  },
  allowed: { key: 'allowed_networks', form: /^[0-9a-fA-F.:]+\/\d{1,3}$/, what: 'networks, as 192.0.2.0/24' },
} as const satisfies Record<string, Row>;

const dialect: Row = {
  key: 'dialect',
  form: /^[a-z]+(?:\?[\w=&.,/-]*)?$/,
  what: 'vault, or a dialect with its options',
};

/** Keys of the file that made the older program, which another part of this deployment knows by itself. */
const left: Readonly<Record<string, string>> = {
  bin_path: 'the functions are built by npm run build',
  bin_name: 'the functions are built by npm run build',
  tf_state_bucket: 'CloudFormation keeps the state',
};

/** Throws an `Error` with every problem, a line each. */
export function readSettings(text: string): ReadSettings {
  const found: unknown = parse(text);
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    throw new Error('the file is no list of keys and values');
  }
  const file = found as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const read = ({ key, form, what }: Row): string => {
    const value = file[key];
    if (typeof value === 'string' && form.test(value)) return value;
    problems.push(value === undefined ? `${key} is missing: ${what}` : `${key} is not ${what}`);
    return '';
  };
  const readList = ({ key, form, what }: Row): readonly string[] => {
    const value = file[key] ?? [];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.every((each): each is string => typeof each === 'string' && form.test(each))) return values;
    problems.push(`${key} has something else than ${what}`);
    return [];
  };
  const settings: DeploySettings = {
    appName: read(rows.appName),
    zone: read(rows.zone),
    zoneId: read(rows.zoneId),
    domain: read(rows.domain),
    tableName: read(rows.tableName),
    email: read(rows.email),
    region: read(rows.region),
    roles: readList(lists.roles),
    dialect: file['dialect'] === undefined ? 'vault' : read(dialect),
    allowed: readList(lists.allowed),
  };
  const { domain, zone } = settings;
  if (domain !== '' && zone !== '' && domain !== zone && !domain.endsWith(`.${zone}`)) {
    problems.push(`domain is not in the zone ${zone}`);
  }
  const known: readonly string[] = [...Object.values(rows), ...Object.values(lists), dialect].map(
    ({ key }) => key,
  );
  const others = Object.keys(file).filter((key) => !known.includes(key));
  for (const key of others) if (!Object.hasOwn(left, key)) problems.push(`there is no key ${key}`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { settings, notes: others.map((key) => `${key} means nothing here: ${left[key] ?? ''}`) };
}

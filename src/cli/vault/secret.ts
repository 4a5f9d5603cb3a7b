/** An answer's envelope as the old program prints it. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { misuse } from './failure.ts';
import { goDuration, goValue, looksLikeDuration, quotedList } from './go-text.ts';
import type { Output } from './output.ts';

/** The members of an envelope that are shown, as the old program's JSON has them. */
export interface Secret {
  readonly request_id: JsonValue;
  readonly lease_id: JsonValue;
  readonly lease_duration: JsonValue;
  readonly renewable: JsonValue;
  readonly data: JsonValue;
  readonly warnings: JsonValue;
  readonly auth?: JsonValue;
  readonly wrap_info?: JsonValue;
}

/** Undefined where there was no body, or none of an envelope: then there is nothing to show. */
export function secretOf(body: JsonValue | undefined): Secret | undefined {
  if (!isJsonObject(body)) return undefined;
  const { auth, wrap_info: wrapInfo } = body;
  return {
    request_id: body['request_id'] ?? '',
    lease_id: body['lease_id'] ?? '',
    lease_duration: body['lease_duration'] ?? 0,
    renewable: body['renewable'] ?? false,
    data: body['data'] ?? null,
    warnings: body['warnings'] ?? null,
    ...(isJsonObject(auth) ? { auth } : {}),
    ...(isJsonObject(wrapInfo) ? { wrap_info: wrapInfo } : {}),
  };
}

export function dataOf(secret: Secret | undefined): JsonObject {
  return isJsonObject(secret?.data) ? secret.data : {};
}

/** Prints all of it, or one field. */
export async function printSecret(output: Output, secret: Secret, field?: string): Promise<void> {
  if (field !== undefined && field !== '') return printField(output, secret, field);
  await output.document(secret as unknown as JsonObject, () => {
    const rows = rowsOf(secret);
    if (rows.length > 0) output.record(rows);
    printWarnings(output, secret);
  });
}

export function printWarnings(output: Output, secret: Secret | undefined): void {
  const warnings = Array.isArray(secret?.warnings) ? secret.warnings : [];
  if (warnings.length === 0) return;
  output.warn('WARNING! The following warnings were returned from Vault:\n');
  for (const warning of warnings) output.warn(`  * ${goValue(warning)}\n`);
}

type Row = readonly [string, string];

function rowsOf(secret: Secret): readonly Row[] {
  const data = dataOf(secret);
  const fields = Object.keys(data)
    .toSorted()
    .map((name): Row => [name, shownValue(name, data[name])]);
  return [...leaseRows(secret), ...authRows(secret), ...wrapRows(secret), ...fields];
}

/** A number of seconds is shown as a time where the name says that it is one. */
export function shownValue(name: string, value: JsonValue | undefined): string {
  const number = typeof value === 'number' ? value : Number.NaN;
  return looksLikeDuration(name) && Number.isFinite(number) ? goDuration(number) : goValue(value);
}

function leaseRows({ lease_id: id, lease_duration: duration, renewable }: Secret): readonly Row[] {
  const time = goDuration(Number(duration));
  if (id !== '') {
    return [
      ['lease_id', goValue(id)],
      ['lease_duration', time],
      ['lease_renewable', goValue(renewable)],
    ];
  }
  return Number(duration) > 0 ? [['refresh_interval', time]] : [];
}

function authRows({ auth }: Secret): readonly Row[] {
  if (!isJsonObject(auth)) return [];
  if (isJsonObject(auth['mfa_requirement'])) return factorRows(auth['mfa_requirement']);
  const metadata = isJsonObject(auth['metadata']) ? auth['metadata'] : {};
  const duration = Number(auth['lease_duration'] ?? 0);
  return [
    ['token', goValue(auth['client_token'])],
    ['token_accessor', goValue(auth['accessor'])],
    ['token_duration', duration === 0 ? '∞' : goDuration(duration)],
    ['token_renewable', goValue(auth['renewable'])],
    ['token_policies', quotedList(auth['token_policies'] ?? auth['policies'])],
    ['identity_policies', quotedList(auth['identity_policies'])],
    ['policies', quotedList(auth['policies'])],
    ...Object.keys(metadata)
      .toSorted()
      .map((name): Row => [`token_meta_${name}`, goValue(metadata[name])]),
  ];
}

/** In place of a token that there is not yet: what `sys/mfa/validate` has to be told. */
function factorRows({ mfa_request_id: id, mfa_constraints: constraints }: JsonObject): readonly Row[] {
  const byName = isJsonObject(constraints) ? constraints : {};
  const rows: Row[] = [['mfa_request_id', goValue(id)]];
  for (const [name, constraint] of Object.entries(byName)) {
    const methods = isJsonObject(constraint) && Array.isArray(constraint['any']) ? constraint['any'] : [];
    for (const method of methods.filter(isJsonObject)) {
      for (const key of ['type', 'id', 'uses_passcode', 'name'])
        rows.push([`mfa_constraint_${name}_${goValue(method['type'])}_${key}`, goValue(method[key])]);
    }
  }
  return rows;
}

function wrapRows({ wrap_info: wrap }: Secret): readonly Row[] {
  if (!isJsonObject(wrap)) return [];
  const accessor = wrap['wrapped_accessor'];
  return [
    ['wrapping_token:', goValue(wrap['token'])],
    ['wrapping_accessor:', goValue(wrap['accessor'])],
    ['wrapping_token_ttl:', goDuration(Number(wrap['ttl']))],
    ['wrapping_token_creation_time:', goValue(wrap['creation_time'])],
    ['wrapping_token_creation_path:', goValue(wrap['creation_path'])],
    ...(accessor === undefined || accessor === '' ? [] : [['wrapped_accessor:', goValue(accessor)] as const]),
  ];
}

async function printField(output: Output, secret: Secret, field: string): Promise<void> {
  const value = fieldOf(secret, field);
  if (value === undefined) throw misuse(`Field "${field.slice(0, 100)}" not present in secret`);
  await output.field(value);
}

/** A field of the data, or what a row of a token, of a lease or of a wrapping is called. */
function fieldOf(secret: Secret, field: string): JsonValue | undefined {
  const auth = isJsonObject(secret.auth) ? secret.auth : undefined;
  const wrap = isJsonObject(secret.wrap_info) ? secret.wrap_info : undefined;
  const special: Readonly<Record<string, JsonValue | undefined>> = {
    ...(wrap === undefined
      ? {}
      : {
          wrapping_token: wrap['token'],
          wrapping_accessor: wrap['accessor'],
          wrapping_token_ttl: wrap['ttl'],
          wrapping_token_creation_time: wrap['creation_time'],
          wrapping_token_creation_path: wrap['creation_path'],
          wrapped_accessor: wrap['wrapped_accessor'],
        }),
    ...(isJsonObject(auth?.['mfa_requirement'])
      ? { mfa_request_id: auth['mfa_requirement']['mfa_request_id'] }
      : {}),
    ...(auth === undefined || isJsonObject(auth['mfa_requirement'])
      ? {}
      : {
          token: auth['client_token'],
          token_accessor: auth['accessor'],
          token_duration: auth['lease_duration'],
          token_renewable: auth['renewable'],
          token_policies: auth['token_policies'],
          identity_policies: auth['identity_policies'],
          policies: auth['policies'],
        }),
    refresh_interval: secret.lease_duration,
  };
  if (Object.hasOwn(special, field)) return special[field];
  const data = dataOf(secret);
  if (Object.hasOwn(data, field)) return data[field];
  const metadata = isJsonObject(auth?.['metadata']) ? auth['metadata'] : {};
  const name = field.replace(/^token_meta_/, '');
  if (name !== field && Object.hasOwn(metadata, name)) return metadata[name];
  const lease: Readonly<Record<string, JsonValue>> = {
    lease_id: secret.lease_id,
    lease_duration: secret.lease_duration,
    lease_renewable: secret.renewable,
  };
  return Object.hasOwn(lease, field) ? lease[field] : undefined;
}

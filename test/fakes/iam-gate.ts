/**
 * IAM's decision in front of a moto, for one identity policy: actions, resources and conditions, as the Service Authorization Reference
 * lists them for the calls that a server at AWS makes. moto itself looks at actions alone, takes a transaction of DynamoDB for an action
 * (AWS asks for each of its parts), and does not ask whether a tag may be put on what is made.
 */
import type { JsonObject } from '../../src/json.ts';
import type { AwsFault } from './faulty-aws.ts';

export interface Statement extends JsonObject {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
}

interface Right {
  readonly action: string;
  readonly resource: string;
  /** Values of condition keys. */
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

const account = '123456789012';
const services = [
  ['ssm', /Parameter/],
  ['dynamodb', /Item|Table|Backups|Query|Scan/],
  ['kms', /./],
] as const;

/** What IAM knows of the one key that there is. */
export interface SeenKey {
  tags: Readonly<Record<string, readonly string[]>>;
  readonly aliases: string[];
}

/** Whatever is denied is answered as AWS does; `denied` has what it was. */
export class IamGate {
  readonly denied: string[] = [];
  /** Actions that were let through. */
  readonly used = new Set<string>();
  readonly #statements: readonly Statement[];
  readonly #region: string;
  readonly #key: SeenKey;

  /** @param key lasts longer than the gate */
  constructor(statements: readonly Statement[], region: string, key: SeenKey) {
    this.#statements = statements;
    this.#key = key;
    this.#region = region;
  }

  /** For `FaultyAws.fault`. */
  readonly fault = (action: string, body: JsonObject): AwsFault | undefined => {
    // Needs no right, and no policy can forbid it.
    if (action === 'GetCallerIdentity') return undefined;
    const service = services.find(([, form]) => form.test(action))?.[0] ?? 'kms';
    for (const right of this.#rights(service, action, body)) {
      if (this.#allows(right)) {
        this.used.add(right.action);
        continue;
      }
      this.denied.push(`${right.action} on ${right.resource}`);
      return { kind: 'error', status: 400, type: 'AccessDeniedException', message: 'not authorized' };
    }
    if (action === 'CreateKey') this.#key.tags = tagsOf('aws:ResourceTag', body);
    if (action === 'CreateAlias') this.#key.aliases.push(String(body['AliasName']));
    return undefined;
  };

  #arn(service: string, resource: string): string {
    return `arn:aws:${service}:${this.#region}:${account}:${resource}`;
  }

  #rights(service: (typeof services)[number][0], action: string, body: JsonObject): readonly Right[] {
    const named = `${service}:${action}`;
    if (service === 'ssm') {
      const name = String(body['Name'] ?? body['Path']);
      return [{ action: named, resource: this.#arn('ssm', `parameter${name}`) }];
    }
    return service === 'kms' ? this.#ofKms(action, body) : this.#ofDynamo(action, body);
  }

  #ofKms(action: string, body: JsonObject): readonly Right[] {
    const named = `kms:${action}`;
    const key = this.#arn('kms', 'key/1');
    const context = { ...this.#key.tags, 'kms:ResourceAliases': this.#key.aliases };
    if (action === 'ListKeys') return [{ action: named, resource: '*' }];
    if (action === 'CreateKey') {
      const asked = tagsOf('aws:RequestTag', body);
      return [named, 'kms:TagResource'].map((each) => ({ action: each, resource: '*', context: asked }));
    }
    if (action === 'CreateAlias') {
      const alias = this.#arn('kms', String(body['AliasName']));
      return [
        { action: named, resource: alias },
        { action: named, resource: key, context },
      ];
    }
    // An alias that there is not is told before any right is looked at.
    const id = String(body['KeyId']);
    const isUnknown = id.startsWith('alias/') && !this.#key.aliases.includes(id);
    return isUnknown ? [] : [{ action: named, resource: key, context }];
  }

  #ofDynamo(action: string, body: JsonObject): readonly Right[] {
    const right = (word: string, table: unknown): Right => ({
      action: `dynamodb:${word}`,
      resource: this.#arn('dynamodb', `table/${String(table)}`),
    });
    const parts = {
      Get: 'GetItem',
      Put: 'PutItem',
      Delete: 'DeleteItem',
      Update: 'UpdateItem',
      ConditionCheck: 'ConditionCheckItem',
    };
    if (action.startsWith('Transact')) {
      return (body['TransactItems'] as JsonObject[]).flatMap((item) =>
        Object.entries(parts).flatMap(([part, word]) =>
          item[part] === undefined ? [] : [right(word, (item[part] as JsonObject)['TableName'])],
        ),
      );
    }
    if (action === 'BatchGetItem')
      return Object.keys(body['RequestItems'] as JsonObject).map((table) => right(action, table));
    const own = right(action, body['TableName']);
    return action === 'CreateTable' && body['Tags'] !== undefined
      ? [own, right('TagResource', body['TableName'])]
      : [own];
  }

  #allows(right: Right): boolean {
    return this.#statements.some(
      (statement) =>
        statement.Action.includes(right.action) &&
        [statement.Resource].flat().some((pattern) => matches(pattern, right.resource)) &&
        holds((statement['Condition'] ?? {}) as Conditions, right.context ?? {}),
    );
  }
}

type Conditions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** `StringEquals`, and the same for any of several values; every key of every operator has to hold. */
function holds(conditions: Conditions, context: Readonly<Record<string, readonly string[]>>): boolean {
  return Object.entries(conditions).every(([operator, wanted]) => {
    if (!/^(ForAnyValue:)?StringEquals$/.test(operator))
      throw new Error(`the gate does not know ${operator}`);
    return Object.entries(wanted).every(([key, value]) => context[key]?.includes(value) === true);
  });
}

function matches(pattern: string, resource: string): boolean {
  const form = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${form.join('.*')}$`).test(resource);
}

function tagsOf(prefix: string, body: JsonObject): Readonly<Record<string, readonly string[]>> {
  const tags = (body['Tags'] ?? []) as { TagKey: string; TagValue: string }[];
  return Object.fromEntries(tags.map(({ TagKey, TagValue }) => [`${prefix}/${TagKey}`, [TagValue]]));
}

import type { Client } from '../../client/client.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { type ConnectionOptions, connect } from '../context.ts';
import { serverOptions } from '../options.ts';
import { cellText, printData } from '../print-data.ts';
import { dataOf } from '../safe.ts';
import type { Shell } from '../shell.ts';

const accessorDetails = 'ACCESSOR names the request; `coffer approvals list` shows those that wait for you.';

const list = defineCommand({
  summary: 'List requests that wait for your approval',
  operands: {},
  options: {
    own: { type: 'flag', help: 'list your own requests, which wait for others' },
    ...serverOptions,
  },
  async run({ options }, shell) {
    const client = await connect(shell, options);
    const requests = await listAll(client, options.own);
    shell.ui.table(
      ['ACCESSOR', 'WHO', 'OPERATION', 'PATH', 'REASON', 'UNTIL'],
      requests.map(([accessor, info]) => [
        accessor,
        ...['requester', 'operation', 'path', 'reason', 'expire_time'].map((name) => cellText(info[name])),
      ]),
      requests.map(([accessor, info]) => ({ accessor, ...info })),
    );
    if (requests.length === 0)
      shell.ui.talk(options.own ? 'no request of yours' : 'no request waits for you');
  },
});

async function listAll(client: Client, own: boolean): Promise<readonly (readonly [string, JsonObject])[]> {
  const found: (readonly [string, JsonObject])[] = [];
  let after: JsonValue | undefined;
  do {
    const query = { ...(own ? { own } : {}), ...(typeof after === 'string' ? { after } : {}) };
    const answer = await client.request('LIST', 'sys/approvals', { query }).catch((error: unknown) => {
      if (asCofferError(error).code !== 'not_found') throw error;
    });
    const data = dataOf(answer?.body);
    const info = isJsonObject(data['key_info']) ? data['key_info'] : {};
    for (const [accessor, one] of Object.entries(info)) if (isJsonObject(one)) found.push([accessor, one]);
    after = data['next'] ?? undefined;
  } while (after !== undefined);
  return found;
}

const show = defineCommand({
  summary: 'Show what somebody asks for, and who approved it',
  details: [`${accessorDetails} Of secrets that were sent only the names are shown.`],
  operands: { ACCESSOR: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    await unlessGone(async () => {
      const { body } = await client.request('GET', `sys/approvals/${operands.ACCESSOR}`);
      print(shell, dataOf(body));
    });
  },
});

const decision = {
  reason: { type: 'text', value: 'TEXT', help: 'why, for the audit log and the other side' },
  ...serverOptions,
} as const;

const approve = defineCommand({
  summary: 'Approve a request',
  details: [
    `${accessorDetails} Look at it first: coffer approvals show. Nobody approves a request of their own.`,
  ],
  operands: { ACCESSOR: 'one' },
  options: decision,
  examples: ['coffer approvals approve 0kd3…'],
  async run({ options, operands }, shell) {
    const data = await decide(shell, options, operands.ACCESSOR, 'approve', options.reason);
    const state =
      data['approved'] === true ? 'approved: it can be carried out' : 'approved: more approvals are wanted';
    shell.ui.done(state, { accessor: operands.ACCESSOR });
  },
});

const deny = defineCommand({
  summary: 'Deny a request for good',
  details: [accessorDetails],
  operands: { ACCESSOR: 'one' },
  options: decision,
  async run({ options, operands }, shell) {
    await decide(shell, options, operands.ACCESSOR, 'deny', options.reason);
    shell.ui.done('denied', { accessor: operands.ACCESSOR });
  },
});

const withdraw = defineCommand({
  summary: 'Withdraw a request of your own',
  operands: { ACCESSOR: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    await unlessGone(() => client.request('DELETE', `sys/approvals/${operands.ACCESSOR}`));
    shell.ui.done('withdrawn', { accessor: operands.ACCESSOR });
  },
});

export const command: CommandGroup = {
  summary: 'Approve or deny what others ask for',
  commands: { list, show, approve, deny, withdraw },
};

async function decide(
  shell: Shell,
  options: ConnectionOptions,
  accessor: string,
  verb: 'approve' | 'deny',
  reason: string | undefined,
): Promise<JsonObject> {
  const client = await connect(shell, options);
  const body = reason === undefined ? {} : { reason };
  return unlessGone(async () =>
    dataOf((await client.request('POST', `sys/approvals/${accessor}/${verb}`, { body })).body),
  );
}

async function unlessGone<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (asCofferError(error).code !== 'not_found') throw error;
    throw new CofferError('not_found', 'there is no such request, or it is over, or not yours to decide', {
      cause: error,
    });
  }
}

/** Lists of objects a line each: who approved, and what is wanted. */
function print(shell: Shell, data: JsonObject): void {
  if (shell.ui.format === 'json') {
    shell.ui.json(data);
    return;
  }
  const { fields, factors, authorizations, denial, ...rest } = data;
  printData(shell.ui, {
    ...rest,
    ...(isJsonObject(fields) ? named('field', fields) : {}),
    wanted: objectsOf(factors).map(
      (one) => `${cellText(one['have'])} of ${cellText(one['count'])} from ${cellText(one['from'])}`,
    ),
    approved_by: objectsOf(authorizations).map(person),
    ...(isJsonObject(denial) ? { denied_by: person(denial) } : {}),
  });
}

function named(kind: string, fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`${kind} ${name}`, value ?? null]),
  );
}

function person(one: JsonObject): string {
  const how =
    one['second_factor'] === true ? `${cellText(one['login'])}, second factor` : cellText(one['login']);
  const why = one['reason'] === '' ? '' : `: ${cellText(one['reason'])}`;
  return `${cellText(one['entity_name'])} (${how})${why}`;
}

function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

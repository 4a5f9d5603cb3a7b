import type { Client } from '../../client/client.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { serverOptions } from '../options.ts';
import { cellText, printData } from '../print-data.ts';
import { openProgress } from '../progress.ts';
import { dataOf } from '../safe.ts';

const list = defineCommand({
  summary: 'List long work under way, and what ended lately',
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    const client = await connect(shell, options);
    const jobs = await listJobs(client);
    shell.ui.table(
      ['ID', 'TYPE', 'SUBJECT', 'STATUS', 'DONE'],
      jobs.map((job) => [
        ...['id', 'type', 'subject', 'status'].map((name) => cellText(job[name])),
        doneText(job),
      ]),
      [...jobs],
    );
    if (jobs.length === 0) shell.ui.talk('no job');
  },
});

async function listJobs(client: Client): Promise<readonly JsonObject[]> {
  const answer = await client.request('LIST', 'sys/jobs').catch((error: unknown) => {
    if (asCofferError(error).code !== 'not_found') throw error;
  });
  const info = dataOf(answer?.body)['key_info'];
  return isJsonObject(info) ? Object.values(info).filter(isJsonObject) : [];
}

const show = defineCommand({
  summary: 'Show how far a job is',
  operands: { ID: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    printData(shell.ui, await readJob(await connect(shell, options), operands.ID));
  },
});

const cancel = defineCommand({
  summary: 'Cancel a job',
  details: ['What it has done stays done.'],
  operands: { ID: 'one' },
  options: serverOptions,
  async run({ options, operands }, shell) {
    const client = await connect(shell, options);
    await client.request('DELETE', `sys/jobs/${operands.ID}`);
    shell.ui.done('job cancelled', { id: operands.ID });
  },
});

/** Milliseconds between two looks. */
const pause = 500;

const wait = defineCommand({
  summary: 'Wait until a job has ended',
  details: ['Exit code 0: done; 1: it failed or was cancelled; 9: --timeout came first, and it goes on.'],
  operands: { ID: 'one' },
  options: {
    timeout: { type: 'text', value: 'TIME', help: 'wait no longer than this; for ever unless told' },
    ...serverOptions,
  },
  async run({ options, operands }, shell) {
    const { timeout } = options;
    const end = timeout === undefined ? Infinity : shell.now() + parseDuration(timeout, '--timeout') * 1_000;
    const client = await connect(shell, options);
    const progress = openProgress(shell);
    let job = await readJob(client, operands.ID);
    try {
      while (job['status'] === 'running') {
        if (shell.now() >= end)
          throw new CofferError('request_timeout', 'the job is not done yet; it goes on');
        progress.show(Number(job['done'] ?? 0), typeof job['total'] === 'number' ? job['total'] : undefined);
        await shell.pause(pause);
        job = await readJob(client, operands.ID);
      }
    } finally {
      progress.close();
    }
    printData(shell.ui, job);
    if (job['status'] !== 'done') shell.endWith(1);
  },
});

export const command: CommandGroup = {
  summary: 'Long work under way',
  commands: { list, show, cancel, wait },
};

async function readJob(client: Client, id: string): Promise<JsonObject> {
  try {
    return dataOf((await client.request('GET', `sys/jobs/${id}`)).body);
  } catch (error) {
    if (asCofferError(error).code !== 'not_found') throw error;
    throw new CofferError('not_found', 'there is no such job', { cause: error });
  }
}

function doneText(job: JsonObject): string {
  const total = typeof job['total'] === 'number' ? ` of ${job['total']}` : '';
  return `${cellText(job['done'])}${total}`;
}

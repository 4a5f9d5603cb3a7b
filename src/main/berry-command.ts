/** `coffer berry`: berry 1.0.28 in its own words. */
import { type BerryLevel, type BerryOrder, runBerry } from '../agent/berry/berry.ts';
import { BerryMisuse } from '../agent/berry/misuse.ts';
import { systemReason } from '../agent/file-error.ts';
import { systemFiles } from '../agent/files.ts';
import { defineCommand } from '../cli/command.ts';
import { OldFailure } from '../cli/credstash/failure.ts';
import { Given, type OptionRules, readWords } from '../cli/credstash/words.ts';
import type { Shell } from '../cli/shell.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

const rules: OptionRules = {
  help: { names: ['-h', '--help'], takes: 0, help: 'show this help' },
  config: {
    names: ['-f', '--config-file'],
    takes: 1,
    help: 'YAML with application_id and mint_bucket (/etc/taupage.yaml)',
  },
  application: { names: ['-a', '--application-id'], takes: 1, help: 'id of the application' },
  bucket: { names: ['-m', '--mint-bucket'], takes: 1, help: 'name of the bucket' },
  keys: {
    names: ['-c', '--aws-credentials-file'],
    takes: 1,
    help: 'lines application:access_key:secret_key',
  },
  interval: { names: ['-i', '--interval'], takes: 1, help: 'seconds between two rounds (120)' },
  once: { names: ['--once'], takes: 0, help: 'one round, then end' },
  silent: { names: ['-s', '--silent'], takes: 0, help: 'say only errors' },
};

const usualConfig = '/etc/taupage.yaml';
const longestConfig = 1024 * 1024;
/** Seconds: what a timer can wait, and more than anybody wants. */
const longestInterval = 1_000_000;

export const command = defineCommand({
  summary: "berry's own command, in its words",
  details: [
    'Copies APPLICATION/user.json and client.json of a bucket into LOCAL_DIRECTORY, again and again or --once, as berry 1.0.28 ' +
      'does: its options, configuration file, messages and exit codes (0, 1 and 2). A link named berry that points to coffer is ' +
      'the same. `coffer berry -h` lists the options.',
    '`coffer agent` does more: other sources, both files at one moment, and telling the application.',
  ],
  operands: { WORDS: 'many' },
  options: {},
  examples: ['coffer berry -a shop -m org-mint-eu-west-1 --once /meta/credentials'],
  async raw(words, shell) {
    shell.endWith(await run(words, shell));
  },
  async run() {
    // Its words never come here: they are not ours to read.
  },
});

async function run(words: readonly string[], shell: Shell): Promise<number> {
  let isSilent = false;
  const say = (level: BerryLevel, message: string) => {
    if (!isSilent || level === 'ERROR') shell.stderr.write(`${level}: ${message.replace(/[\r\n]+/g, ' ')}\n`);
  };
  try {
    const { given: options, operands } = readWords(rules, words, { kind: 'argparse' });
    const given = new Given(options);
    if (given.has('help')) {
      shell.ui.text(helpText());
      return 0;
    }
    isSilent = given.has('silent');
    const order = await orderOf(given, operands, say);
    return await runBerry(order, {
      env: shell.env,
      files: systemFiles,
      umask: process.umask(),
      isRoot: process.getuid?.() === 0,
      say,
      pause: shell.pause,
      jitter: Math.random,
    });
  } catch (error) {
    if (error instanceof OldFailure) {
      shell.stderr.write(`${usage}\nberry: error: ${error.message}\n`);
      return error.exit;
    }
    if (!(error instanceof BerryMisuse)) throw error;
    say('ERROR', `Usage Error: ${error.message}`);
    return 1;
  }
}

async function orderOf(
  given: Given,
  operands: readonly string[],
  say: (level: BerryLevel, message: string) => void,
): Promise<BerryOrder> {
  const [directory, extra] = operands;
  if (directory === undefined)
    throw new OldFailure(2, 'the following arguments are required: local_directory');
  if (extra !== undefined) throw new OldFailure(2, 'unrecognized arguments behind local_directory');
  const seconds = intervalOf(given.text('interval'));
  const config = await configOf(given.text('config') ?? usualConfig, say);
  const application = given.text('application') || textOf(config, 'application_id');
  const bucket = given.text('bucket') || textOf(config, 'mint_bucket');
  if (!application) {
    throw new BerryMisuse('Application ID missing, please set "application_id" in your configuration YAML');
  }
  if (!bucket) {
    throw new BerryMisuse(
      'Mint Bucket is not configured, please set "mint_bucket" in your configuration YAML',
    );
  }
  const region = textOf(config, 'region');
  return {
    application,
    bucket,
    directory,
    region: region !== undefined && /^[a-z]{2}[a-z0-9-]{1,40}$/.test(region) ? region : undefined,
    credentialsFile: given.text('keys'),
    interval: seconds * 1_000,
    once: given.has('once'),
  };
}

function intervalOf(text: string | undefined): number {
  const seconds = text === undefined ? 120 : Number(/^\s*\+?\d{1,9}\s*$/.test(text) ? text : Number.NaN);
  if (seconds >= 1 && seconds <= longestInterval) return seconds;
  throw new OldFailure(2, `argument -i/--interval: must be seconds from 1 to ${longestInterval}`);
}

/** A file that cannot be read is only said, as berry has it: the flags may say everything. */
async function configOf(
  path: string,
  say: (level: BerryLevel, message: string) => void,
): Promise<JsonObject> {
  try {
    const text = systemFiles.readNamed(path, longestConfig).toString('utf8');
    const { readYaml } = await import('../cli/format/yaml-text.ts');
    const [document] = readYaml(text, 'yaml-1.1');
    if (isJsonObject(document)) return document;
    say('WARNING', `Could not load configuration from ${path}: it is not a map of names and values`);
  } catch (error) {
    const reason =
      error instanceof Error && error.name === 'CofferError' ? error.message : systemReason(error);
    say('WARNING', `Could not load configuration from ${path}: ${reason}`);
  }
  return {};
}

function textOf(config: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(config, name) ? config[name] : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

const usage =
  'usage: berry [-h] [-f FILE] [-a APP] [-m BUCKET] [-c CREDS] [-i SECONDS] [--once] [-s] LOCAL_DIRECTORY';

function helpText(): string {
  const lines = Object.values(rules).map(({ names, help }) => `  ${names.join(', ').padEnd(28)} ${help}`);
  return `${usage}\n\n${lines.join('\n')}\n`;
}

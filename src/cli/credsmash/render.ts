/** `render-template` and `render-templates`. */
import { readFileSync } from 'node:fs';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { compileTemplate, renderTemplate } from '../../template/render.ts';
import type { SecretSource } from '../../template/secrets.ts';
import { failed, misuse } from '../credstash/failure.ts';
import { helpOption, operand, type Verb, type VerbCall, type Verbs } from '../credstash/verb.ts';
import type { OptionRules } from '../credstash/words.ts';
import { parseManifest } from '../render/manifest.ts';
import { type FilePlan, planFile, writePlanned } from '../render/rendered-file.ts';
import { readSource, writeDestination } from './files.ts';
import { decodeDocument, decodeMany, formatFor } from './formats.ts';
import { FileSecrets, type RenderedSecrets, TableSecrets } from './rendered-secrets.ts';
import type { Session } from './session.ts';

type Call = VerbCall<Session>;

const renderOptions = {
  ...helpOption,
  name: { names: ['--obj-name'], takes: 1, help: 'what the template calls the secrets (secrets)' },
  keyFormat: { names: ['--key-fmt'], takes: 1, help: 'how a key becomes a name, such as dev.{0} ({0})' },
  vars: { names: ['--template-vars'], takes: 1, help: 'FILE of variables' },
  varsFormat: { names: ['--template-vars-format'], takes: 1, help: 'json or yaml' },
  secrets: { names: ['--secrets-file'], takes: 1, help: 'FILE of secrets in place of the table' },
  secretsFormat: { names: ['--secrets-file-format'], takes: 1, help: 'json, yaml or csv' },
} as const satisfies OptionRules;

const renderOne: Verb<Session> = {
  usage: 'TEMPLATE DESTINATION',
  summary: 'Render a template into a file, or - for standard output',
  options: renderOptions,
  operands: [2, 2],
  async run(call) {
    const [template, destination] = [operand(call), operand(call, 1)];
    using secrets = await secretsOf(call);
    const render = await rendererOf(call, secrets);
    const text = await render(
      template,
      (await readSource(call.shell, template, 'TEMPLATE')).toString('utf8'),
    );
    writeDestination(call.shell, destination, Buffer.from(text));
  },
};

const renderMany: Verb<Session> = {
  usage: 'MANIFEST',
  summary: 'Render all that a manifest lists, or nothing',
  options: {
    ...renderOptions,
    manifestFormat: { names: ['--manifest-format'], takes: 1, help: 'json or yaml' },
  },
  operands: [1, 1],
  async run(call) {
    const { session } = call;
    const entries = await manifestOf(call);
    using secrets = await secretsOf(call);
    const render = await rendererOf(call, secrets);
    const planned: { readonly plan: FilePlan; readonly line: string }[] = [];
    for (const { what, destination } of entries) {
      if (destination === undefined) continue;
      const content =
        what.kind === 'secret'
          ? await secrets.bytes(nameOf(call, what.name))
          : Buffer.from(await render(what.file, readTemplate(what.file)));
      const source =
        what.kind === 'secret' ? `Wrote secret="${what.name}"` : `Rendered template="${what.file}"`;
      planned.push({
        plan: planFile(destination, content),
        line: `${source} destination="${destination.path}"`,
      });
    }
    for (const { plan, line } of planned) {
      if (plan.kind !== 'same') writePlanned(plan);
      session.log('INFO', 'templates', line);
    }
  },
};

export const verbs: Verbs<Session> = { 'render-template': renderOne, 'render-templates': renderMany };

async function secretsOf({ shell, options, session }: Call): Promise<RenderedSecrets> {
  const file = options.text('secrets');
  if (file === undefined) return new TableSecrets(session.open());
  const format = formatFor(options.text('secretsFormat'), file, 'json');
  return new FileSecrets(await decodeMany(await readSource(shell, file, '--secrets-file'), format, file));
}

type Render = (name: string, text: string) => Promise<string>;

async function rendererOf({ shell, options, session }: Call, secrets: SecretSource): Promise<Render> {
  const name = options.text('name') ?? 'secrets';
  if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name))
    throw misuse("Invalid value for '--obj-name': letters, digits and _");
  const file = options.text('vars');
  let variables: JsonObject = emptyObject();
  if (file !== undefined) {
    const format = formatFor(options.text('varsFormat'), file, 'json');
    const document = await decodeDocument(await readSource(shell, file, '--template-vars'), format, file);
    if (!isJsonObject(document)) throw failed(`${file}: Unsupported type: variables are names and values`);
    variables = document;
  }
  if (Object.hasOwn(variables, name)) {
    session.log('WARNING', 'templates', `Overwrote '${name}' from template vars with secrets var.`);
  }
  const nameFormat = options.text('keyFormat') ?? '{0}';
  return (source, text) =>
    renderTemplate(compileTemplate(source === '-' ? 'standard input' : source, text), {
      variables,
      secrets,
      secretsName: name,
      nameFormat,
    });
}

/** An entry's secret goes by the same format as a template's. */
function nameOf({ options }: Call, key: string): string {
  return (options.text('keyFormat') ?? '{0}').replaceAll('{0}', () => key);
}

async function manifestOf({ shell, options, operands: [file = ''] }: Call) {
  const format = formatFor(options.text('manifestFormat'), file, 'json');
  const document = await decodeDocument(await readSource(shell, file, 'MANIFEST'), format, file);
  return Array.isArray(document) && document.length === 0 ? [] : parseManifest(plainEntries(document), true);
}

/** The old program passes over members that it does not know, and over an owner without a group. */
function plainEntries(document: JsonValue): JsonValue {
  if (!Array.isArray(document)) return document;
  const entries: readonly JsonValue[] = document;
  return entries.map((entry) => {
    if (!isJsonObject(entry)) return entry;
    const both = Object.hasOwn(entry, 'owner') && Object.hasOwn(entry, 'group');
    const known = ['source', 'destination', 'mode', ...(both ? ['owner', 'group'] : [])];
    const secret = Object.hasOwn(entry, 'source') ? [] : ['secret'];
    const kept = Object.entries(entry).filter(([name]) => [...known, ...secret].includes(name));
    return Object.fromEntries(kept);
  });
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw failed(`cannot read the template ${path}`);
  }
}

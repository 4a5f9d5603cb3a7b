/** Policies: text to rules. */
import { CofferError } from '../../errors.ts';
import { rootPolicyName } from './builtin.ts';
import { denyCapabilities } from './capability.ts';
import { type HclMember, type HclObject, type HclValue, hclLimits, parseHcl } from './hcl.ts';
import { RuleMerger } from './merge.ts';
import { type PolicyName, parsePolicyName } from './name.ts';
import { type Pattern, parsePattern } from './pattern.ts';
import { type Position, quote } from './position.ts';
import { Problems } from './problems.ts';
import { type PolicyRule, readRule } from './rule.ts';
import { isTemplate, parseTemplate, sampleOf, type Template } from './template.ts';

export interface Policy {
  readonly name: PolicyName;
  /** Byte for byte as it was given, or as it was inside base64: what is stored and shown. */
  readonly text: string;
  /** One rule a pattern. */
  readonly rules: readonly PolicyRule[];
  /** Rules whose pattern depends on who asks. */
  readonly templated: readonly TemplatedRule[];
}

export interface TemplatedRule {
  readonly template: Template;
  /** With the template's text in place of a pattern. */
  readonly rule: PolicyRule;
  readonly denies: boolean;
}

const mostRules = 10_000;

/**
 * Reads a policy from HCL or JSON text of at most 256 KiB, or from base64 of such text. Throws `invalid_request`, listing every
 * problem with its line; where the text cannot be read at all, the first one.
 */
export function parsePolicy(name: string, text: string): Policy {
  const parsedName = parsePolicyName(name);
  if (parsedName === rootPolicyName) {
    throw new CofferError('invalid_request', 'policy "root" is built in and has no text');
  }
  const body = decodeBody(text);
  if (body.trim() === '') throw new CofferError('invalid_request', `policy ${quote(parsedName)} is empty`);
  try {
    return { name: parsedName, text: body, ...readPolicy(parseHcl(body), parsedName) };
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    throw new CofferError(error.code, `policy ${quote(parsedName)} is refused:\n${error.message}`, {
      cause: error,
    });
  }
}

/** Text that is base64 of UTF-8 is what it encodes. No policy looks like base64: it holds a space, a quote or a brace. */
export function decodeBody(text: string): string {
  // Base64 adds a third, and line breaks: what is longer than this would be too long a policy.
  if (text.length > 2 * hclLimits.textBytes) return text;
  const digits = text.replace(/[\r\n]/g, '');
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(digits)) return text;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(digits, 'base64'));
  } catch {
    return text;
  }
}

function readPolicy(root: HclObject, name: PolicyName): Pick<Policy, 'rules' | 'templated'> {
  const problems = new Problems();
  const collector = new RuleCollector(name, problems);
  for (const { key, at, value } of root.members) {
    if (key === 'path') collector.collect(value);
    else if (key !== 'name') problems.add(at, `unknown key ${quote(key)}; a policy has "path" and "name"`);
    // The name by which a policy is written is the one that counts.
    else if (value.kind !== 'text') problems.add(value.at, 'name is a text');
  }
  problems.throwIfAny();
  return { rules: collector.rules(), templated: collector.templated };
}

class RuleCollector {
  readonly #name: PolicyName;
  readonly #problems: Problems;
  readonly #merger = new RuleMerger();
  readonly templated: TemplatedRule[] = [];
  #count = 0;

  constructor(name: PolicyName, problems: Problems) {
    this.#name = name;
    this.#problems = problems;
  }

  rules(): readonly PolicyRule[] {
    return this.#merger.rules();
  }

  /** Takes what stands behind `path`: an object of patterns, or a list of such objects. */
  collect(value: HclValue): void {
    for (const item of value.kind === 'list' ? value.items : [value]) {
      if (item.kind === 'object') for (const member of item.members) this.#rule(member);
      else this.#problems.add(item.at, 'path takes a pattern and a block: path "secret/*" { … }');
    }
  }

  #rule({ key, at, value }: HclMember): void {
    const read = this.#pattern(key, at);
    for (const body of value.kind === 'list' ? value.items : [value]) {
      if (++this.#count > mostRules) {
        throw new CofferError('invalid_request', `line ${at.line}: more than ${mostRules} rules`);
      }
      if (body.kind !== 'object') {
        this.#problems.add(body.at, `path ${quote(key)}: a rule is a block: { capabilities = […] }`);
      } else if (read !== undefined) {
        const rule = readRule(read.pattern, body, this.#problems);
        if (read.template === undefined) this.#merger.add(rule, this.#name);
        else this.templated.push({ template: read.template, rule, denies: isDenial(rule) });
      }
    }
  }

  #pattern(
    key: string,
    at: Position,
  ): { readonly pattern: Pattern; readonly template?: Template } | undefined {
    try {
      if (!isTemplate(key)) return { pattern: parsePattern(key) };
      const template = parseTemplate(key.startsWith('/') ? key.slice(1) : key);
      return { pattern: { ...parsePattern(sampleOf(template)), text: template.text }, template };
    } catch (error) {
      if (!(error instanceof CofferError)) throw error;
      this.#problems.add(at, `path ${quote(key)}: ${error.message}`);
      return undefined;
    }
  }
}

function isDenial({ capabilities }: PolicyRule): boolean {
  return capabilities === denyCapabilities;
}

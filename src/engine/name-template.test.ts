import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { checkNameTemplate, renderNameTemplate } from './name-template.ts';

const fields = { DisplayName: 'token-ann', PolicyName: 'deploy', Type: 'STS' };
const input = { fields, now: 1_700_000_000_000, random: systemRandom };

/** As Vault's engine of AWS has it. */
const vaults =
  '{{ if (eq .Type "STS") }}{{ printf "vault-%s-%s" (unix_time) (random 20) | truncate 32 }}{{ else }}{{ printf "vault-%s-%s-%s" (printf "%s-%s" (.DisplayName) (.PolicyName) | truncate 42) (unix_time) (random 20) | truncate 64 }}{{ end }}';

describe('a template of names', () => {
  it('chooses by what it knows', () => {
    expect(renderNameTemplate(vaults, input)).toMatch(/^vault-1700000000-[\dA-Za-z]{15}$/);
    const user = { ...input, fields: { ...fields, Type: 'IAM' } };
    expect(renderNameTemplate(vaults, user)).toMatch(/^vault-token-ann-deploy-1700000000-[\dA-Za-z]{20}$/);
  });

  it.each([
    ['{{if .Type}}a{{end}}', 'a'],
    ['{{if eq .Type "IAM"}}a{{end}}b', 'b'],
    ['{{ if (eq .Type "IAM") }}a{{ else }}{{ if .PolicyName }}b{{ end }}c{{ end }}d', 'bcd'],
    ['{{ if "" }}a{{else}}b{{end}}', 'b'],
  ])('%s is %s', (template, text) => {
    expect(renderNameTemplate(template, input)).toBe(text);
  });

  it.each([
    '{{ if .Type }}a',
    '{{ else }}',
    'a{{ end }}',
    '{{ if }}a{{ end }}',
    '{{if .Type}}a{{else}}b{{else}}c{{end}}',
    '{{ if .Other }}a{{ end }}',
    '{{if .Type}}'.repeat(20),
  ])('%s is refused', (template) => {
    expect(() => renderNameTemplate(template, input)).toThrow(/username_template cannot be used/);
  });

  it('must leave names that never meet, whatever it chooses', () => {
    expect(() => checkNameTemplate('{{ if .Type }}{{ random 20 }}{{ end }}', fields, 64)).not.toThrow();
    expect(() => checkNameTemplate('{{ if eq .Type "IAM" }}{{ random 20 }}{{ end }}', fields, 64)).toThrow(
      /random/,
    );
  });
});

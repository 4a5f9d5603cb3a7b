/** A template sees the table through this: what it names, as far as whoever runs it may read it, and nothing beside. */
import { describe, expect, it } from 'vitest';
import { makeTablePlace, type TablePlace } from '../../../test/fakes/credstash-place.ts';
import { AwsError } from '../../aws/aws-error.ts';
import { aesCtrFormat } from '../../credstash/credsmash-format.ts';
import { DataKeys } from '../../credstash/data-keys.ts';
import { OldTable } from '../../credstash/old-table.ts';
import { settingsItem } from '../../credstash/table-settings.ts';
import { encodeVersion } from '../../credstash/version.ts';
import { systemRandom } from '../../crypto/random.ts';
import { emptyObject } from '../../json.ts';
import { compileTemplate, renderTemplate } from '../../template/render.ts';
import { TableSecrets } from './rendered-secrets.ts';

function open(place: TablePlace): OldTable {
  const opened = {
    table: place.open(),
    store: place.items,
    keys: new DataKeys(place.kms, 'alias/test'),
  };
  const now = () => place.now;
  return new OldTable(opened, { random: systemRandom, now, context: {}, latest: 'number' });
}

/** A table with the secrets `app.a` and `other.b`. */
async function filled(): Promise<TablePlace> {
  const place = makeTablePlace();
  for (const name of ['app.a', 'other.b']) {
    const bytes = Buffer.from(`value of ${name}`);
    await open(place).write({ name, version: encodeVersion(1), bytes, format: aesCtrFormat });
  }
  await place.items.create(settingsItem({ format: 'credsmash', undeleteDays: 30 }));
  return place;
}

async function rendered(place: TablePlace, template: string, nameFormat = '{0}'): Promise<string> {
  using secrets = new TableSecrets(open(place));
  return renderTemplate(compileTemplate('page', template), {
    variables: emptyObject(),
    secrets,
    secretsName: 'secrets',
    nameFormat,
  });
}

/** Names that were asked for, and calls that were made. */
async function asked(place: TablePlace, template: string, nameFormat?: string) {
  const names: string[] = [];
  const { versions } = place.items;
  place.items.versions = (name, ...rest) => {
    names.push(name);
    return versions.call(place.items, name, ...rest);
  };
  const calls = Object.keys(place.items.calls);
  for (const call of calls) delete place.items.calls[call];
  const outcome = await rendered(place, template, nameFormat).catch((error: Error) => error.message);
  return { outcome, names, calls: place.items.calls };
}

describe('threat 20: a template at a table', () => {
  it('reads the secrets that it reaches, each once, and no others', async () => {
    const template =
      "{{ secrets['app.a'] }}, {{ secrets['app.a'] }}{% if false %}{{ secrets['other.b'] }}{% endif %}";
    expect(await asked(await filled(), template)).toEqual({
      outcome: 'value of app.a, value of app.a',
      names: ['app.a'],
      calls: { query: 1 },
    });
  });

  it.each(['{% for name in secrets %}{{ name }}{% endfor %}', '{{ secrets | tojson }}', '{{ secrets }}'])(
    'has no list of names: %s',
    async (template) => {
      const { outcome, calls } = await asked(await filled(), template);
      expect(outcome).not.toMatch(/app\.a|other\.b/);
      expect(calls).toEqual({});
    },
  );

  it.each(['!coffer', '', '__proto__', 'constructor', 'read', 'bytes'])(
    'finds neither what the table says of itself nor anything of the program by %j',
    async (name) => {
      const { outcome } = await asked(await filled(), `{{ secrets['${name}'] }}`);
      expect(outcome).toMatch(/there is no secret|undefined|empty/);
      expect(outcome).not.toContain('credsmash');
    },
  );

  it('stays within the names that --key-fmt leaves it', async () => {
    const place = await filled();
    const { outcome, names } = await asked(place, "{{ secrets['a'] }}", 'app.{0}');
    expect([outcome, names]).toEqual(['value of app.a', ['app.a']]);
    const other = await asked(await filled(), "{{ secrets['other.b'] }}", 'app.{0}');
    expect(new Set(other.names)).toEqual(new Set(['app.other.b']));
    expect(other.outcome).not.toContain('value of other.b');
  });

  it('gives nothing where KMS refuses one of its secrets, and repeats none', async () => {
    const place = await filled();
    let denied = false;
    place.kms.before = () => {
      if (denied) throw new AwsError('denied', 'not this one');
      denied = true;
    };
    const failure = rendered(place, "{{ secrets['app.a'] }} {{ secrets['other.b'] }}");
    await expect(failure).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.not.stringContaining('value of'),
    });
  });
});

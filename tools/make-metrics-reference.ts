/** Writes `docs/reference/metrics.md` from the catalogue of metrics. `npm run docs` puts it in place, and a test holds the page against it. */
import { catalogue, type MetricSpec } from '../src/telemetry/catalogue.ts';
import { bounds } from '../src/telemetry/histogram.ts';

const intro = `# Metrics

This page is generated from the catalogue that the server reads its metrics by; \`npm run docs\` writes it.
[The guide](../guide/observability.md) says how to get at them and what to watch.

\`GET /v1/sys/metrics?format=prometheus\` answers the text exposition format 0.0.4, and without \`format\` the same in the shape of
Vault's JSON: gauges, counters, and histograms as samples with count, sum and mean. Counters begin at 0 with the process, those of
the audit log with each unsealing. Labels hold words of the program alone: no path, name or value of a caller makes a series.
\`endpoint\` is a pattern of [the API](api.md) below the mount, and empty where a request found none; \`mount_type\` is empty where
it found no mount.
`;

/** The page. */
export function makeMetricsReference(): string {
  const rows = Object.entries<MetricSpec>(catalogue).map(([name, { type, labels, help }]) => {
    const shown = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
  });
  return `${[
    intro,
    '| metric | type | labels | what it tells |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `Histograms are in seconds, with the bounds ${bounds.join(', ')}.`,
  ].join('\n')}\n`;
}

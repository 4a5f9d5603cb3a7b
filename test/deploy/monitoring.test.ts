/** Alerts and dashboard against the catalogue: no series, no label and no kind of series that is not there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { catalogue, type MetricSpec } from '../../src/telemetry/catalogue.ts';
import { readQuery } from './promql.ts';
import { root } from './released-package.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const read = (path: string) => readFileSync(join(root, 'deploy', path), 'utf8');
const { groups } = parse(read('prometheus/coffer.rules.yaml')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('grafana/coffer.json')) as Dashboard;

/** Labels that Prometheus or workers give every series. */
const everywhere = ['instance', 'job', 'worker'];

/** What is wrong with a query; nothing when nothing is. */
function problems(query: string): readonly string[] {
  const { selectors, groups: by } = readQuery(query);
  if (selectors.length === 0) return ['no series'];
  const known = new Set<string>(everywhere);
  const found: string[] = [];
  for (const { metric, labels, range, inside } of selectors) {
    if (metric === 'up') continue;
    const base = metric.replace(/_(bucket|sum|count)$/, '');
    const spec: MetricSpec | undefined = { ...catalogue }[metric] ?? { ...catalogue }[base];
    if (spec === undefined || (spec.type === 'histogram') !== (base !== metric)) {
      found.push(`${metric} is not there`);
      continue;
    }
    const own = [...spec.labels, ...(metric.endsWith('_bucket') ? ['le'] : [])];
    for (const label of own) known.add(label);
    found.push(
      ...labels
        .filter((label) => ![...own, ...everywhere].includes(label))
        .map((label) => `${metric}{${label}}`),
    );
    const counts = spec.type !== 'gauge';
    const rated = range && (inside === 'rate' || inside === 'increase');
    if (counts !== rated) found.push(`${metric} is a ${spec.type}`);
  }
  return [...found, ...by.filter((label) => !known.has(label)).map((label) => `by (${label})`)];
}

it.each([
  ['coffer_sealed == 1', []],
  ['coffer_seeled', ['coffer_seeled is not there']],
  ['coffer_request_seconds', ['coffer_request_seconds is not there']],
  ['coffer_sealed_total', ['coffer_sealed_total is not there']],
  ['coffer_requests_total > 0', ['coffer_requests_total is a counter']],
  ['rate(coffer_sealed[5m])', ['coffer_sealed is a gauge']],
  [
    'sum by (path) (rate(coffer_requests_total{code="5xx"}[5m]))',
    ['coffer_requests_total{code}', 'by (path)'],
  ],
])('%s has the problems %j', (query, wanted) => {
  expect(problems(query)).toEqual(wanted);
});

describe('alerts', () => {
  it.each(rules.map(({ alert, expr }) => [alert, expr]))('%s asks for what is there', (_, expr) => {
    expect(problems(expr)).toEqual([]);
  });

  it('have names of their own, a severity, and words for whoever is woken', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations, expr } of rules) {
      expect(['page', 'ticket'], alert).toContain(labels.severity);
      expect(annotations.description, alert).not.toBe('');
      // A label that the result does not have is empty in the message.
      const { selectors, groups: by } = readQuery(expr);
      const grouped = /\b(sum|max|count|min)\b/.test(expr);
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        const names = selectors.flatMap(({ metric }) => [
          ...({ ...catalogue }[metric]?.labels ?? []),
          ...everywhere,
        ]);
        expect(grouped ? by : names, alert).toContain(label);
      }
    }
  });

  it('cover what the guide says is worth an eye', () => {
    const guide = readFileSync(join(root, 'docs/guide/observability.md'), 'utf8');
    const rows = [...guide.matchAll(/^\| `(coffer_\w+)/gm)].map(([, metric = '']) => metric);
    expect(rows.length).toBeGreaterThan(8);
    const asked = new Set(rules.flatMap(({ expr }) => readQuery(expr).selectors.map(({ metric }) => metric)));
    expect(rows.filter((metric) => !asked.has(metric) && metric !== 'coffer_http_refusals_total')).toEqual(
      [],
    );
  });
});

describe('the dashboard', () => {
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  );

  it.each(queries)('%s asks for what is there: %s', (_, expr) => {
    expect(problems(expr.replaceAll('$__rate_interval', '5m'))).toEqual([]);
  });

  it('legends name labels that the result has', () => {
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        const { selectors, groups: by } = readQuery(expr);
        const plain = selectors.flatMap(({ metric }) => [
          ...({ ...catalogue }[metric]?.labels ?? []),
          ...everywhere,
        ]);
        const labels = /\b(sum|max|min|count)\b/.test(expr) ? by : plain;
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(labels, title).toContain(label);
      }
    }
  });

  it('has panels with ids of their own that lie beside each other, and the variables that they use', () => {
    const { panels, templating } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), title).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
    const names = new Set([...templating.list.map(({ name }) => name), '__rate_interval']);
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)\}?/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });
});

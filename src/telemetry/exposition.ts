/** Families as Prometheus reads them (text exposition format 0.0.4), and as Vault's JSON has them. */
import type { AnswerData } from '../core/request.ts';
import { catalogue, type Family, type MetricSpec } from './catalogue.ts';
import { bounds } from './histogram.ts';

export function prometheusText(families: readonly Family[]): string {
  return families.map(familyText).join('\n');
}

function familyText(family: Family): string {
  const { help, type }: MetricSpec = catalogue[family.name];
  const head = `# HELP ${family.name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${family.name} ${type}\n`;
  if (family.type !== 'histogram') {
    return head + family.values.map(({ labels, value }) => line(family.name, labels, value)).join('');
  }
  return head + family.distributions.map((one) => distributionText(family.name, one)).join('');
}

function distributionText(
  name: string,
  {
    labels,
    counts,
    sum,
  }: { labels: Readonly<Record<string, string>>; counts: readonly number[]; sum: number },
): string {
  let text = '';
  let total = 0;
  for (const [index, count] of counts.entries()) {
    total += count;
    const bound = bounds[index];
    text += line(`${name}_bucket`, { le: bound === undefined ? '+Inf' : String(bound), ...labels }, total);
  }
  return text + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, total);
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'Nan' : value > 0 ? '+Inf' : '-Inf';
}

/** `now` in milliseconds. */
export function vaultJson(families: readonly Family[], now: number): AnswerData {
  const gauges = [];
  const counters = [];
  const samples = [];
  for (const family of families) {
    const { name: Name } = family;
    if (family.type === 'histogram') {
      for (const { labels, counts, sum } of family.distributions) {
        const Count = counts.reduce((all, one) => all + one, 0);
        samples.push({ Name, Count, Sum: sum, Mean: Count === 0 ? 0 : sum / Count, Labels: labels });
      }
      continue;
    }
    for (const { labels: Labels, value } of family.values) {
      if (family.type === 'gauge') gauges.push({ Name, Value: value, Labels });
      else counters.push({ Name, Count: Math.round(value), Sum: value, Labels });
    }
  }
  const Timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
  return { Timestamp, Gauges: gauges, Points: [], Counters: counters, Samples: samples };
}

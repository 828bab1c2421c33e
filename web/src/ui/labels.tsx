// labels.tsx - labels as small tags, each name="value".
import type { Labels } from '../types.ts';

export function LabelList({ labels, but = [] }: { labels: Labels; but?: string[] }) {
  const names = Object.keys(labels).filter((name) => !but.includes(name)).sort();
  if (names.length === 0) return null;
  return <span class="labels">{names.map((name) => <code key={name}>{name}={JSON.stringify(labels[name])}</code>)}</span>;
}

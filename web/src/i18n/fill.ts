// fill.ts - puts values into a sentence: {name} is the value, {n|one|many} the word that fits n.

export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one !== undefined) return Number(value) === 1 ? one : many!;
    return String(value);
  });
}

/* slots - the names a sentence uses, sorted; the three tables must agree on them. */
export function slots(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)(?:\|[^}]*)?\}/g)].map((m) => m[1]!))].sort();
}

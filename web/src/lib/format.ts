// format.ts - numbers with their units, times with their zone: nothing on the page is a raw float.

export interface Words {
  lang: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
  /* What stands between a number and its unit of time: a space in English, nothing in Korean. */
  gap: string;
  none: string;
}

const numberFormats = new Map<string, Intl.NumberFormat>();

function decimal(value: number, lang: string, digits: number): string {
  const key = lang + digits;
  let format = numberFormats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(lang, { maximumFractionDigits: digits });
    numberFormats.set(key, format);
  }
  /* What rounds to zero has no sign. */
  return format.format(Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value);
}

/* Three significant digits are what a person reads. */
function short(value: number, lang: string): string {
  const size = Math.abs(value);
  return decimal(value, lang, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 5);
}

const THIN = '\u00a0';

export function bytes(value: number, lang: string, per = ''): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return decimal(value < 0 ? -size : size, lang, digits) + THIN + units[unit] + per;
}

export function count(value: number, lang: string): string {
  if (Math.abs(value) < 100_000) return Number.isInteger(value) ? decimal(value, lang, 0) : short(value, lang);
  const units: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  const [size, name] = units.find(([limit]) => Math.abs(value) >= limit)!;
  return short(value / size, lang) + THIN + name;
}

/* percent - of a ratio, 0.85 -> 85 %. */
export function percent(ratio: number, lang: string): string {
  const value = ratio * 100;
  const size = Math.abs(value);
  return decimal(value, lang, size >= 10 || size === 0 ? 0 : size >= 1 ? 1 : 2) + THIN + '%';
}

/* duration - the two largest parts: 2 h 10 min. */
export function duration(seconds: number, words: Words): string {
  if (!Number.isFinite(seconds)) return words.none;
  const sign = seconds < 0 ? '-' : '';
  const size = Math.abs(seconds);
  if (size > 0 && size < 0.001) return `${sign}${short(size * 1e6, words.lang)}${THIN}µs`;
  if (size < 1) return size === 0 ? `0${words.gap}${words.second}` : `${sign}${short(size * 1000, words.lang)}${THIN}ms`;
  const s = Math.round(size);
  const parts: [number, string][] = [
    [Math.floor(s / 86400), words.day],
    [Math.floor((s % 86400) / 3600), words.hour],
    [Math.floor((s % 3600) / 60), words.minute],
    [s % 60, words.second],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  /* Above a minute seconds say nothing, above ten days hours don't either. */
  const from = parts.slice(first, first + (first === 0 && parts[0]![0] >= 10 ? 1 : 2)).filter(([n]) => n > 0);
  return sign + from.map(([n, unit]) => `${decimal(n, words.lang, 0)}${words.gap}${unit}`).join(' ');
}

/* quantity - a value in the unit that the server named. */
export function quantity(value: number | null | undefined, unit: string, words: Words): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return words.none;
  const { lang } = words;
  switch (unit) {
    case 'bytes': return bytes(value, lang);
    case 'bytes_per_second': case 'bytes/s': return bytes(value, lang, '/s');
    case 'seconds': return duration(value, words);
    case 'milliseconds': return duration(value / 1000, words);
    case 'microseconds': return duration(value / 1e6, words);
    case 'ratio': return percent(value, lang);
    case 'percent': return percent(value / 100, lang);
    case 'seconds_per_second': case 'seconds/s': return percent(value, lang);
    case 'per_second': case 'count/s': case 'ops/s': case '1/s': return count(value, lang) + '/s';
    case 'celsius': return short(value, lang) + THIN + '°C';
    default: return count(value, lang);
  }
}

/* unitOf - the unit a metric's name promises, as Prometheus' naming has it. */
export function unitOf(metric: string, rate = false): string {
  const name = metric.replace(/_total$/, '');
  if (/_bytes_per_sec(ond)?$/.test(name)) return 'bytes/s';
  if (/_bytes$/.test(name)) return rate ? 'bytes/s' : 'bytes';
  if (/_seconds$/.test(name)) return rate ? 'seconds/s' : 'seconds';
  /* 1.23 is how fragmentation is spoken of, not 123 %. */
  if (/frag.*_ratio$/.test(name)) return 'count';
  if (/_ratio$|_rate$/.test(name)) return 'ratio';
  if (/_percent$/.test(name)) return 'percent';
  if (/_usec$/.test(name)) return 'microseconds';
  if (/_ms$/.test(name)) return 'milliseconds';
  if (/_celsius$/.test(name)) return 'celsius';
  if (/_per_sec(ond)?$/.test(name)) return 'per_second';
  return rate ? 'per_second' : 'count';
}

const dateFormats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(lang: string, kind: 'time' | 'day' | 'utc'): Intl.DateTimeFormat {
  const key = lang + kind;
  let format = dateFormats.get(key);
  if (!format) {
    const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
    const day = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    format = new Intl.DateTimeFormat(lang === 'en' ? 'en-CA' : lang,
      kind === 'time' ? clock : kind === 'day' ? { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
        : { ...day, ...clock, timeZone: 'UTC' });
    dateFormats.set(key, format);
  }
  return format;
}

/* clock - today as 14:03:09, another day with its date. In the browser's zone. */
export function clock(at: number, lang: string, now = Date.now()): string {
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  return dateFormat(lang, today ? 'time' : 'day').format(at);
}

/* utc - 2026-03-01 05:03:09 UTC, what a colleague elsewhere reads the same. */
export function utc(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ') + ' UTC';
}

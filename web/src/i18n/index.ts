// index.ts - the words: one table a language, loaded when chosen, changed on the spot.
import { createStore, remember, remembered } from '../lib/store.ts';
import { setLanguage } from '../lib/api.ts';
import type { Words } from '../lib/format.ts';
import { en, type Key, type Table } from './en.ts';
import { fill } from './fill.ts';

export type { Key };

export const LANGUAGES = { en: 'English', ko: '한국어', zh: '中文' } as const;
export type Lang = keyof typeof LANGUAGES;

const tables: { [L in Lang]?: Table } = { en };
const load: { [L in Lang]: () => Promise<Table> } = {
  en: () => Promise.resolve(en),
  ko: () => import('./ko.ts').then((m) => m.ko),
  zh: () => import('./zh.ts').then((m) => m.zh),
};

export const language = createStore<Lang>('en');

export async function speak(lang: Lang): Promise<void> {
  tables[lang] ??= await load[lang]();
  setLanguage(lang);
  document.documentElement.lang = lang === 'zh' ? 'zh-Hans' : lang;
  language.set(lang);
}

export async function choose(lang: Lang): Promise<void> {
  remember('lang', lang);
  await speak(lang);
}

/* The person's choice, else the first of the browser's languages that we have, else English. */
export function firstLanguage(): Lang {
  const known = (code: string | null): Lang | undefined => {
    const lang = code?.slice(0, 2).toLowerCase();
    return lang && lang in LANGUAGES ? (lang as Lang) : undefined;
  };
  return known(remembered('lang')) ?? navigator.languages.map(known).find((l) => l !== undefined) ?? 'en';
}

export function t(key: Key, values?: Record<string, string | number>): string {
  return fill((tables[language.get()] ?? en)[key], values);
}

/* tn - a word of a closed set that the server sends ('running', 'disk'); what we don't know is shown as it came. */
export function tn(group: string, word: string | null | undefined): string {
  if (!word) return t('none');
  const key = `${group}.${word}`;
  return key in en ? t(key as Key) : word.replaceAll('_', ' ');
}

/* person - a principal as people say it: 'user:kim' is kim, 'token:ci' is token ci. */
export function person(principal: string): string {
  if (principal.startsWith('token:')) return t('actor.token', { name: principal.slice(6) });
  return principal.replace(/^user:/, '');
}

export function words(): Words {
  return {
    lang: language.get() === 'zh' ? 'zh-CN' : language.get(),
    day: t('unit.day'), hour: t('unit.hour'), minute: t('unit.minute'), second: t('unit.second'),
    gap: language.get() === 'ko' ? '' : '\u00a0', none: t('none'),
  };
}

// theme.ts - light or dark: the system's choice, unless the person made another.
import { remember, remembered } from './store.ts';

export type Theme = 'system' | 'light' | 'dark';

export function theme(): Theme {
  const kept = remembered('theme');
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function applyTheme(): void {
  const now = theme();
  if (now === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = now;
  dispatchEvent(new Event('auspex-theme'));
}

export function chooseTheme(next: Theme): void {
  remember('theme', next === 'system' ? null : next);
  applyTheme();
}

// router.tsx - the address bar is the page's state: paths name objects, the query holds filters and time range.
import type { ComponentChildren, JSX } from 'preact';
import { createStore, useStore } from './store.ts';

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname.replace(/\/+$/, '') || '/', query: new URLSearchParams(location.search) };
}

const place = createStore<Place>(here());

addEventListener('popstate', () => place.set(here()));

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const url = new URL(to, location.origin);
  if (url.pathname + url.search === location.pathname + location.search) return;
  const moved = url.pathname !== location.pathname;
  history[options.replace ? 'replaceState' : 'pushState'](null, '', url.pathname + url.search);
  place.set(here());
  if (moved) {
    scrollTo(0, 0);
    /* A screen reader and the keyboard continue in the new page, not in the link that was left. */
    requestAnimationFrame(() => document.getElementById('content')?.focus({ preventScroll: true }));
  }
}

/* setQuery - change some of the query's fields; null or '' removes one. Replaces the entry: filters are no history. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(key);
    else query.set(key, value);
  }
  const text = query.toString();
  navigate(location.pathname + (text ? '?' + text : ''), { replace: true });
}

export const usePlace = (): Place => useStore(place);

type LinkProps = { to: string; children: ComponentChildren } & Omit<JSX.HTMLAttributes<HTMLAnchorElement>, 'href' | 'onClick'>;

export function Link({ to, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return <a {...(rest as object)} href={to} onClick={follow}>{children}</a>;
}

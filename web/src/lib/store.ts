// store.ts - a value that components can watch. The page's only shared state lives in a few of these.
import { useEffect, useState } from 'preact/hooks';

export interface Store<T> {
  get(): T;
  set(next: T | ((now: T) => T)): void;
  watch(listener: () => void): () => void;
}

export function createStore<T>(first: T): Store<T> {
  let value = first;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      const to = typeof next === 'function' ? (next as (now: T) => T)(value) : next;
      if (Object.is(to, value)) return;
      value = to;
      for (const listener of [...listeners]) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => store.watch(() => redraw((n) => n + 1)), [store]);
  return store.get();
}

/* Preferences survive a reload where the browser allows it; a browser that forbids storage loses nothing else. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem('auspex.' + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem('auspex.' + key);
    else localStorage.setItem('auspex.' + key, value);
  } catch {
    /* private mode: the preference holds until the page is closed */
  }
}

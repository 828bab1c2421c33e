// data.ts - what a component shows of the server: fetched, kept while it is refreshed, refreshed when something happens.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api, ApiError } from './api.ts';
import { onLive } from './live.ts';

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

/* The last answer of each path, so that coming back to a page shows it at once and then freshens it. Bounded. */
const CACHE_LIMIT = 60;
const cache = new Map<string, unknown>();

function keep(path: string, value: unknown): void {
  cache.delete(path);
  cache.set(path, value);
  if (cache.size > CACHE_LIMIT) cache.delete(cache.keys().next().value!);
}

/* Answers asked for before the component that wants them is there: the first page loads them beside the session. */
const early = new Map<string, Promise<unknown>>();

export function askEarly(path: string): void {
  const answer = api<unknown>(path);
  answer.catch(() => undefined); /* whoever takes it sees the error */
  early.set(path, answer);
}

function ask<T>(path: string, signal: AbortSignal): Promise<T> {
  const asked = early.get(path) as Promise<T> | undefined;
  early.delete(path);
  return asked ?? api<T>(path, { signal });
}

export function forgetAll(): void {
  early.clear();
  cache.clear();
}

interface Options {
  /* Ask again after so many milliseconds; not while the tab is hidden. */
  every?: number;
  /* Ask again when a live event of one of these kinds (prefixes) comes; '' is any. */
  on?: string[];
}

/* useData - the answer of GET path; null asks nothing. */
export function useData<T>(path: string | null, { every, on }: Options = {}): Loaded<T> {
  const [, redraw] = useState(0);
  const state = useRef<{ path: string | null; data?: T; error?: ApiError; loading: boolean }>({ path: null, loading: false });

  if (state.current.path !== path) {
    const known = path !== null ? (cache.get(path) as T | undefined) : undefined;
    state.current = { path, data: known, loading: path !== null };
  }

  const load = useCallback(() => {
    if (path === null) return () => undefined;
    const stop = new AbortController();
    ask<T>(path, stop.signal).then(
      (data) => {
        keep(path, data);
        if (state.current.path !== path) return;
        state.current = { path, data, loading: false };
        redraw((n) => n + 1);
      },
      (error: unknown) => {
        if (!(error instanceof ApiError) || state.current.path !== path) return;
        /* What is on the screen stays there; the error stands beside it. */
        state.current = { path, data: state.current.data, error, loading: false };
        redraw((n) => n + 1);
      },
    );
    return () => stop.abort();
  }, [path]);

  const reload = useCallback(() => {
    load();
  }, [load]);

  useEffect(() => load(), [load]);

  useEffect(() => {
    if (!every || path === null) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) load();
    }, every);
    return () => clearInterval(timer);
  }, [every, load, path]);

  const kinds = on?.join(',');
  useEffect(() => {
    if (kinds === undefined || path === null) return undefined;
    const prefixes = kinds.split(',');
    /* A storm of events becomes one request a second. */
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onLive((event) => {
      if (timer || !(event.kind === 'gap' || prefixes.some((p) => event.kind.startsWith(p)))) return;
      timer = setTimeout(() => {
        timer = undefined;
        load();
      }, 400);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [kinds, load, path]);

  return { data: state.current.data, error: state.current.error, loading: state.current.loading, reload };
}

/* useTask - a write: busy while it runs, its error kept for showing beside the button. */
export function useTask(): { busy: boolean; error: ApiError | undefined; run: <T>(work: () => Promise<T>) => Promise<T | undefined>; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | undefined>();
  const run = async <T,>(work: () => Promise<T>): Promise<T | undefined> => {
    setBusy(true);
    setError(undefined);
    try {
      return await work();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure);
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(undefined) };
}

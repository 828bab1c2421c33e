// keys.ts - single keys and 'g x' pairs for the whole page; silent while one types or a dialog is open.

const PAIR_MS = 1200;

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

/* listenKeys - handlers by key ('/', '?') or pair ('g i'). Returns how to stop. */
export function listenKeys(handlers: Record<string, () => void>): () => void {
  let first = '';
  let at = 0;
  const press = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
      event.preventDefault();
      handlers['/']?.();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return;
    const pair = first && event.timeStamp - at < PAIR_MS ? `${first} ${event.key}` : '';
    const handler = (pair && handlers[pair]) || handlers[event.key];
    first = event.key === 'g' ? 'g' : '';
    at = event.timeStamp;
    if (!handler) return;
    event.preventDefault();
    first = '';
    handler();
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

import { useCallback, useSyncExternalStore } from "react";

const listeners = new Map<string, Set<() => void>>();

function notify(key: string): void {
  for (const listener of listeners.get(key) ?? []) listener();
}

window.addEventListener("storage", (event) => {
  if (event.key) notify(event.key);
});

/** What is stored under a key of this product; null when nothing is, or the browser keeps nothing. */
export function readLocal(key: string): string | null {
  try {
    return window.localStorage.getItem(`sojourn.${key}`);
  } catch {
    return null;
  }
}

const unsaved = new Map<string, string>();

/** A text kept in the browser, shared by all who use the key and by other tabs. For settings and drafts, never for secrets. */
export function useLocalStorage(key: string, fallback: string): [string, (value: string) => void] {
  const subscribe = useCallback(
    (listener: () => void) => {
      const stored = `sojourn.${key}`;
      const set = listeners.get(stored) ?? new Set();
      listeners.set(stored, set);
      set.add(listener);
      return () => set.delete(listener);
    },
    [key],
  );
  const value = useSyncExternalStore(subscribe, () => unsaved.get(key) ?? readLocal(key) ?? fallback);
  const set = useCallback(
    (next: string) => {
      try {
        window.localStorage.setItem(`sojourn.${key}`, next);
        unsaved.delete(key);
      } catch {
        unsaved.set(key, next);
      }
      notify(`sojourn.${key}`);
    },
    [key],
  );
  return [value, set];
}

// Every key that does something on the page, in one registry: it hears them, and the help behind `?` lists them.
import { useEffect, useRef, useSyncExternalStore } from "react";
import { readLocal } from "./useLocalStorage";

export interface Shortcut {
  /** "j", "?", "Enter", "Escape", "mod+k" (⌘ on a Mac, Ctrl elsewhere), or a sequence such as "g e". */
  keys: string;
  /** What it does, as a short phrase: "Go to executions". */
  description: string;
  /** Where it belongs in the help: "Everywhere", "Lists", "Waterfall", "This page". */
  group: string;
}

interface Registered extends Shortcut {
  /** Without an event when it was chosen by other means than its keys. */
  run: (event?: KeyboardEvent) => void;
}

const registered = new Set<Registered>();
const listeners = new Set<() => void>();
let snapshot: readonly Registered[] = [];
// How long the second key of a sequence may take.
const patience = 1200;
let pending = "";
let pendingUntil = 0;

export const isMac = /mac|iphone|ipad/i.test(navigator.platform);

function changed(): void {
  snapshot = [...registered];
  for (const listener of listeners) listener();
}

function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (isMac ? event.metaKey : event.ctrlKey) return `mod+${key}`;
  return event.shiftKey && event.key.length > 1 ? `shift+${key}` : key;
}

/** The keys of a shortcut as they are written on a keyboard. */
export function keyNames(keys: string): string[] {
  if (keys.startsWith("mod+")) return [isMac ? "⌘" : "Ctrl", keys.slice(4).toUpperCase()];
  const names: Record<string, string> = {
    Escape: "Esc",
    ArrowLeft: "←",
    ArrowRight: "→",
    ArrowUp: "↑",
    ArrowDown: "↓",
  };
  return keys.split(" ").map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key));
}

/** Whether what is typed goes somewhere: a field, a menu, or a dialog that hears its own keys. */
function occupied(event: KeyboardEvent): boolean {
  if (!(event.target instanceof Element)) return false;
  return (
    event.target.closest(
      'input:not([type="checkbox"]):not([type="radio"]), textarea, select, [contenteditable="true"], [role="dialog"], [role="menu"], [role="listbox"], [role="combobox"]',
    ) !== null
  );
}

function hear(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey || (isMac ? event.ctrlKey : event.metaKey)) return;
  if (["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
  const name = nameOf(event);
  const chord = name.startsWith("mod+");
  if (!chord && (occupied(event) || readLocal("shortcuts") === "off")) return;
  // Enter and Space are the focused control's own.
  const own = event.target instanceof Element && event.target.closest("a, button, summary, [role=button], [role=tab]");
  if (own && (name === "Enter" || name === " ")) return;

  const sequence = pending !== "" && event.timeStamp < pendingUntil ? `${pending} ${name}` : "";
  pending = "";
  // The newest comes first: a page's own meaning of a key goes before the shell's.
  const all = [...registered].reverse();
  const found = all.find((shortcut) => shortcut.keys === sequence) ?? all.find((shortcut) => shortcut.keys === name);
  if (found) {
    event.preventDefault();
    found.run(event);
  } else if (all.some((shortcut) => shortcut.keys.startsWith(`${name} `))) {
    pending = name;
    pendingUntil = event.timeStamp + patience;
  }
}
document.addEventListener("keydown", hear);

/**
 * Listens for keys while the component is drawn, unless a field, menu or dialog has the focus. Chords with mod+ work
 * everywhere. People can switch single keys off in the help.
 */
export function useShortcut(
  keys: string,
  description: string,
  run: (event?: KeyboardEvent) => void,
  options: { group?: string; enabled?: boolean } = {},
): void {
  const current = useRef(run);
  useEffect(() => {
    current.current = run;
  });
  const { group = "This page", enabled = true } = options;
  useEffect(() => {
    if (!enabled) return;
    const entry: Registered = { keys, description, group, run: (event) => current.current(event) };
    registered.add(entry);
    changed();
    return () => {
      registered.delete(entry);
      changed();
    };
  }, [keys, description, group, enabled]);
}

/** All shortcuts that work now, in the order in which they came, and what they run. */
export function useShortcuts(): readonly Registered[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => snapshot,
  );
}

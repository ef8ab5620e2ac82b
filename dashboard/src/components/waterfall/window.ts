import type { Scale } from "./scale";

/** What of the time is on the screen, as times; null is all of it, also as it grows. */
export type Window = { from: number; to: number } | null;

/** The narrowest stretch that is shown, in milliseconds. */
const narrowest = 4;

/** The window's place on the line. */
export function placed(scale: Scale, window: Window): { from: number; to: number } {
  if (window === null) return { from: 0, to: scale.length };
  const from = scale.place(window.from);
  return { from, to: Math.max(scale.place(window.to), from + narrowest / 2) };
}

/** Shows a part of the line. What would show all of it, or nearly, shows all of it. */
export function shown(scale: Scale, from: number, to: number): Window {
  const least = Math.min(narrowest, scale.length);
  const length = Math.min(Math.max(to - from, least), scale.length);
  if (length >= scale.length * 0.999) return null;
  const middle = (from + to) / 2;
  const start = Math.min(Math.max(middle - length / 2, 0), scale.length - length);
  return { from: scale.time(start), to: scale.time(start + length) };
}

/** Zooms by a factor, above 1 closer, around a place that stays where it is: 0 is the left edge, 1 the right one. */
export function zoomed(scale: Scale, window: Window, factor: number, around: number): Window {
  const { from, to } = placed(scale, window);
  const length = Math.min(Math.max((to - from) / factor, Math.min(narrowest, scale.length)), scale.length);
  const fixed = from + (to - from) * around;
  return shown(scale, fixed - length * around, fixed + length * (1 - around));
}

/** Moves the window by a part of its width. At the ends it stops. */
export function panned(scale: Scale, window: Window, part: number): Window {
  if (window === null) return null;
  const { from, to } = placed(scale, window);
  const by = Math.min(Math.max((to - from) * part, -from), scale.length - to);
  return shown(scale, from + by, to + by);
}

/** Moves and widens the window so that the stretch can be seen, as little as possible. */
export function revealing(scale: Scale, window: Window, from: number, to: number): Window {
  if (window === null) return null;
  const view = placed(scale, window);
  const [a, b] = [scale.place(from), scale.place(to)];
  if (a < view.to && b > view.from) return window;
  const width = view.to - view.from;
  const start = b <= view.from ? Math.max(a, b - width / 2) - width / 4 : a - width / 4;
  return shown(scale, start, start + width);
}

// Values as a tree of lines: what is open, what matches a search, how long texts are cut.

import { ExactNumber } from "./exact";

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

export interface JsonLine {
  /** Names from the top, in one text: the line's key. */
  path: string;
  depth: number;
  /** The member's name or the element's place; undefined for the top. */
  name: string | number | undefined;
  kind: JsonKind;
  /** Members of an object or an array; 0 for the others. */
  size: number;
  open: boolean;
  value: unknown;
  /** The name or the value itself holds what is searched. */
  match: boolean;
}

/** Texts longer than this are cut until somebody asks for all of it. */
export const longText = 2000;
/** Above this many characters the raw text is made only when asked for. */
export const bigText = 200_000;
/** A search stops after so many matches: nobody reads more, and each is drawn. */
export const matchLimit = 1000;

export function kindOf(value: unknown): JsonKind {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof ExactNumber) return "number";
  const kind = typeof value;
  return kind === "object" || kind === "string" || kind === "number" || kind === "boolean" ? kind : "string";
}

function members(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return value.map((member, i) => [i, member]);
  return Object.entries(value as Record<string, unknown>);
}

export const childPath = (path: string, name: string | number): string =>
  `${path}/${String(name).replace(/~/g, "~0").replace(/\//g, "~1")}`;

/** How a scalar is written on its line. */
export function scalarText(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value ?? null);
}

/** The paths whose name or scalar holds the text, whatever the case, and all that lie above them. */
export function search(
  value: unknown,
  query: string,
): { matches: string[]; ancestors: Set<string>; complete: boolean } {
  const wanted = query.toLowerCase();
  const matches: string[] = [];
  const ancestors = new Set<string>();
  const visit = (
    current: unknown,
    path: string,
    name: string | number | undefined,
    above: readonly string[],
  ): boolean => {
    const kind = kindOf(current);
    const branch = kind === "object" || kind === "array";
    const held =
      (typeof name === "string" && name.toLowerCase().includes(wanted)) ||
      (!branch &&
        String(current ?? null)
          .toLowerCase()
          .includes(wanted));
    if (held) {
      if (matches.length >= matchLimit) return false;
      matches.push(path);
      for (const each of above) ancestors.add(each);
    }
    if (!branch) return true;
    const below = [...above, path];
    return members(current).every(([childName, child]) => visit(child, childPath(path, childName), childName, below));
  };
  const complete = wanted === "" ? true : visit(value, "", undefined, []);
  return { matches, ancestors, complete };
}

/** The lines to draw, in order. A branch is open when it was toggled so, or lies above a match, or is not deeper than depth. */
export function lines(
  value: unknown,
  options: {
    depth: number;
    toggled: ReadonlyMap<string, boolean>;
    found?: { matches: readonly string[]; ancestors: ReadonlySet<string> };
  },
): JsonLine[] {
  const out: JsonLine[] = [];
  const matching = new Set(options.found?.matches);
  const visit = (current: unknown, path: string, name: string | number | undefined, depth: number) => {
    const kind = kindOf(current);
    const branch = kind === "object" || kind === "array";
    const children = branch ? members(current) : [];
    const open =
      children.length > 0 &&
      (options.toggled.get(path) ?? (options.found?.ancestors.has(path) || depth < options.depth));
    out.push({ path, depth, name, kind, size: children.length, open, value: current, match: matching.has(path) });
    if (open) for (const [childName, child] of children) visit(child, childPath(path, childName), childName, depth + 1);
  };
  visit(value, "", undefined, 0);
  return out;
}

/** How many lines a value would have with everything open, counted no further than limit. */
export function lineCount(value: unknown, limit = 10_000): number {
  let count = 0;
  const visit = (current: unknown): void => {
    if (++count >= limit) return;
    const kind = kindOf(current);
    if (kind !== "object" && kind !== "array") return;
    for (const [, child] of members(current)) {
      if (count >= limit) return;
      visit(child);
    }
  };
  visit(value);
  return count;
}

// Filters that somebody gave a name, kept in the browser for each project.
import type { ExecutionFilter } from "./search";
import { filterKey, filterOf, searchOf, validateSearch } from "./search";

export interface View {
  name: string;
  filter: ExecutionFilter;
}

export interface Views {
  list: readonly View[];
  /** The name of the view to begin with; absent for everything. */
  first?: string;
}

/** Where the views of a project are kept. */
export const viewsKey = (projectId: string): string => `views.${projectId}`;

export const mostViews = 50;
export const longestName = 60;

/** Those that everybody has. */
export const builtIn: readonly View[] = [
  { name: "Everything", filter: {} },
  { name: "Open", filter: { status: ["created", "pending", "running", "waiting", "finalizing"] } },
  { name: "Waiting for something", filter: { status: ["waiting"] } },
  { name: "Went wrong today", filter: { status: ["failed", "rejected"], from: "now()-24h" } },
];

/** Reads what the browser kept; whatever is broken in it is left out. */
export function readViews(text: string): Views {
  let kept: unknown;
  try {
    kept = JSON.parse(text);
  } catch {
    return { list: [] };
  }
  if (typeof kept !== "object" || kept === null) return { list: [] };
  const { list, first } = kept as { list?: unknown; first?: unknown };
  const views: View[] = [];
  for (const each of Array.isArray(list) ? (list as unknown[]) : []) {
    if (typeof each !== "object" || each === null) continue;
    const { name, search } = each as { name?: unknown; search?: unknown };
    if (typeof name !== "string" || name === "" || views.some((view) => view.name === name)) continue;
    if (typeof search !== "object" || search === null || views.length >= mostViews) continue;
    views.push({ name, filter: filterOf(validateSearch(search as Record<string, unknown>)) });
  }
  const begin = typeof first === "string" && findView({ list: views }, first) ? { first } : {};
  return { list: views, ...begin };
}

export function writeViews(views: Views): string {
  return JSON.stringify({
    list: views.list.map(({ name, filter }) => ({ name, search: searchOf(filter) })),
    ...(views.first === undefined ? {} : { first: views.first }),
  });
}

/** The view of this name, of the person's or of everybody's. */
export function findView(views: Views, name: string): View | undefined {
  return views.list.find((view) => view.name === name) ?? builtIn.find((view) => view.name === name);
}

/** What is wrong with a name for a new view, or for one that is renamed from `before`. */
export function nameProblem(views: Views, name: string, before?: string): string | undefined {
  const trimmed = name.trim();
  if (trimmed === "") return "Give it a name.";
  if (trimmed.length > longestName) return `Use at most ${longestName} characters.`;
  if (builtIn.some((view) => view.name === trimmed)) return "That name is taken by a view that everybody has.";
  if (before !== undefined && trimmed !== before && views.list.some((view) => view.name === trimmed)) {
    return "Another view has that name.";
  }
  return undefined;
}

/** Keeps the filter under the name, in the place of a view that has it already. */
export function saveView(views: Views, name: string, filter: ExecutionFilter): Views {
  const view = { name: name.trim(), filter };
  const list = views.list.some((each) => each.name === view.name)
    ? views.list.map((each) => (each.name === view.name ? view : each))
    : [...views.list, view];
  return { ...views, list: list.slice(-mostViews) };
}

export function renameView(views: Views, before: string, after: string): Views {
  const name = after.trim();
  return {
    list: views.list.map((view) => (view.name === before ? { ...view, name } : view)),
    ...(views.first === undefined ? {} : { first: views.first === before ? name : views.first }),
  };
}

export function deleteView(views: Views, name: string): Views {
  return {
    list: views.list.filter((view) => view.name !== name),
    ...(views.first === undefined || views.first === name ? {} : { first: views.first }),
  };
}

/** Says which view the list begins with; undefined for everything. */
export function beginWith(views: Views, name: string | undefined): Views {
  return { list: views.list, ...(name === undefined ? {} : { first: name }) };
}

/** The view whose filter is this one. */
export function viewOf(views: Views, filter: ExecutionFilter): View | undefined {
  const key = filterKey(filter);
  return [...views.list, ...builtIn].find((view) => filterKey(view.filter) === key);
}

// The part of an address behind the question mark, plain: ?status=failed&status=running&workflow=extract. TanStack Router
// would write JSON there, which nobody can read or type.
export type RawSearch = Record<string, string | string[]>;

export function parseSearch(text: string): RawSearch {
  const search: RawSearch = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const before = search[name];
    if (before === undefined) search[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else search[name] = [before, value];
  }
  return search;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const member of Array.isArray(value) ? value : [value]) {
      if (member !== undefined && member !== null && member !== "") params.append(name, String(member));
    }
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** The text of a parameter; undefined when it is missing or empty. For validateSearch. */
export function text(search: Record<string, unknown>, name: string): string | undefined {
  const value = Array.isArray(search[name]) ? search[name][0] : search[name];
  return value === undefined || value === null || value === "" ? undefined : String(value);
}

/** All values of a parameter; undefined when there is none. */
export function texts(search: Record<string, unknown>, name: string): string[] | undefined {
  const value = search[name];
  if (value === undefined || value === null || value === "") return undefined;
  return (Array.isArray(value) ? value : [value]).map(String);
}

/** The value of a parameter when it is one of those allowed. */
export function oneOf<T extends string>(
  search: Record<string, unknown>,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const value = text(search, name);
  return allowed.find((candidate) => candidate === value);
}

/** The allowed ones among the values of a parameter; undefined when there is none. */
export function manyOf<T extends string>(
  search: Record<string, unknown>,
  name: string,
  allowed: readonly T[],
): T[] | undefined {
  const values = texts(search, name);
  const kept = allowed.filter((candidate) => values?.includes(candidate));
  return kept.length > 0 ? kept : undefined;
}

/** A parameter that is a whole number. */
export function integer(search: Record<string, unknown>, name: string): number | undefined {
  const value = text(search, name);
  return value !== undefined && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
}

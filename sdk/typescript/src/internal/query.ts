/** Builds a query from what is set: undefined, null and "" are left out, lists are joined by commas. */
export function query(members: Record<string, unknown>): URLSearchParams {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === null || value === "") continue;
    if (Array.isArray(value)) {
      if (value.length > 0) q.set(name, value.join(","));
    } else {
      q.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
  }
  return q;
}

/** The wire form of a hold: whole seconds, 1 to 60; undefined for none. */
export function holdSeconds(waitMs: number | undefined): number | undefined {
  if (!waitMs || waitMs <= 0) return undefined;
  return Math.min(Math.max(Math.ceil(waitMs / 1000), 1), 60);
}

/** How long the transport must be patient for a hold. */
export function holdMs(waitMs: number | undefined): number {
  return (holdSeconds(waitMs) ?? 0) * 1000;
}

/** An id or name as one part of a path. */
export function part(id: string): string {
  if (typeof id !== "string" || id === "") {
    throw new TypeError("sojourn: an id or name is empty");
  }
  // "." and ".." would be taken as directions by URL parsers.
  return encodeURIComponent(id).replace(/^\.{1,2}$/, (dots) => dots.replaceAll(".", "%2E"));
}

// Durations as people type them: 90s, 5m, 1h 30m, 2d.
const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The milliseconds of a text such as "1h 30m" or "90s"; undefined for an empty one, NaN for one that is none. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === "") return undefined;
  const parts = trimmed.match(/\d+(?:\.\d+)?\s*(?:ms|[smhdw])/g);
  if (!parts || trimmed.replace(/\s+/g, "") !== parts.join("").replace(/\s+/g, "")) return Number.NaN;
  let sum = 0;
  for (const part of parts) {
    const [, value, unit] = /^(\d+(?:\.\d+)?)\s*(ms|[smhdw])$/.exec(part) ?? [];
    sum += Number(value) * (units[unit ?? ""] ?? Number.NaN);
  }
  return Math.round(sum);
}

/** The text that parseDuration reads as these milliseconds; empty for 0. */
export function durationText(ms: number | undefined): string {
  let left = ms ?? 0;
  const parts: string[] = [];
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const n = Math.floor(left / (units[unit] ?? 1));
    if (n > 0) parts.push(`${n}${unit}`);
    left -= n * (units[unit] ?? 1);
  }
  return parts.join(" ");
}

const longest = 3650 * 86_400_000;

/** What is wrong with the text as a duration; undefined when nothing is, or it is empty. */
export function durationProblem(text: string, least = 0): string | undefined {
  const ms = parseDuration(text);
  if (ms === undefined) return undefined;
  if (Number.isNaN(ms)) return "Write it as 90s, 5m, 1h 30m or 2d.";
  if (ms < least || ms > longest) return `From ${least === 0 ? "0s" : `${least}ms`} to 3650d.`;
  return undefined;
}

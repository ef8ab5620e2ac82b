// Moments as the API's filters write them: 2026-11-21, 2026-11-21T08:30:00Z, or now() with shifts such as now()-7d.

const relative = /^now\(\)(?:\s*[+-]\s*\d{1,12}[smhdw])*$/;
const day = /^\d{4}-\d{2}-\d{2}$/;
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?$/;
const span = /^-?(\d{1,6}[smhdw])$/;

/** Whether the API reads the text as a moment. */
export function isMoment(text: string): boolean {
  if (relative.test(text)) return true;
  if (day.test(text)) return !Number.isNaN(Date.parse(text));
  return instant.test(text) && !Number.isNaN(Date.parse(text));
}

/** What a person typed as the API writes it: 7d means now()-7d. Undefined when it is no moment. */
export function readMoment(text: string): string | undefined {
  const short = span.exec(text);
  if (short) return `now()-${short[1]}`;
  return isMoment(text) ? text : undefined;
}

export const isDay = (text: string): boolean => day.test(text);

export interface Preset {
  from: string;
  label: string;
}

/** The ranges that people ask for most, all up to now. */
export const presets: readonly Preset[] = [
  { from: "now()-15m", label: "Last 15 minutes" },
  { from: "now()-1h", label: "Last hour" },
  { from: "now()-24h", label: "Last 24 hours" },
  { from: "now()-7d", label: "Last 7 days" },
  { from: "now()-30d", label: "Last 30 days" },
];

const units: Record<string, string> = { s: "second", m: "minute", h: "hour", d: "day", w: "week" };

function momentText(moment: string): string {
  const ago = /^now\(\)-(\d+)([smhdw])$/.exec(moment);
  if (ago) {
    const unit = units[ago[2] ?? ""] ?? "";
    return `${ago[1]} ${unit}${ago[1] === "1" ? "" : "s"} ago`;
  }
  if (moment === "now()") return "now";
  return moment.replace("T", " ").replace(/:00(?:\.0+)?Z$/, "Z");
}

/** A range in words, for the button that changes it. */
export function describeRange(from: string | undefined, to: string | undefined): string {
  if (from === undefined && to === undefined) return "Any time";
  if (to === undefined) {
    const preset = presets.find((each) => each.from === from);
    return preset?.label ?? `Since ${momentText(from ?? "")}`;
  }
  if (from === undefined) return `Until ${momentText(to)}`;
  if (from === to && isDay(from)) return from;
  return `${momentText(from)} to ${momentText(to)}`;
}

/** The moment in milliseconds, read at `now`; undefined when it is none. A bare day is its first instant, or its last one. */
export function resolveMoment(moment: string, now: number, end: boolean): number | undefined {
  if (!isMoment(moment)) return undefined;
  if (moment.startsWith("now()")) {
    const sizes: Record<string, number> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };
    let at = now;
    for (const [, sign, count, unit] of moment.matchAll(/([+-])\s*(\d+)([smhdw])/g)) {
      at += (sign === "-" ? -1 : 1) * Number(count) * (sizes[unit ?? ""] ?? 0);
    }
    return at;
  }
  if (isDay(moment)) return Date.parse(moment) + (end ? 8.64e7 - 1 : 0);
  // Without a zone the API means UTC.
  return Date.parse(/(?:Z|[+-]\d{2}:\d{2})$/.test(moment) ? moment : `${moment}Z`);
}

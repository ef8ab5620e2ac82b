// Times and durations as people read them. All take milliseconds or RFC 3339.
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const localFull = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
  timeZoneName: "short",
});

const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");

/** 2026-11-22 09:15:57 in the browser's zone; with milliseconds when precise. */
export function localTime(time: number, precise = false): string {
  const d = new Date(time);
  const text = `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  return precise ? `${text}.${pad(d.getMilliseconds(), 3)}` : text;
}

/** 2026-11-22 09:15:57Z. */
export function utcTime(time: number, precise = false): string {
  const text = new Date(time).toISOString().replace("T", " ");
  return precise ? text : text.replace(/\.\d+Z$/, "Z");
}

/** The whole truth, for a tooltip: with zone and milliseconds. */
export function fullTime(time: number): string {
  return localFull.format(time);
}

/** "just now", "42 s ago", "in 3 min", "5 d ago". */
export function relativeTime(time: number, now: number): string {
  const distance = Math.abs(now - time);
  if (distance < second) return "just now";
  let text: string;
  if (distance < minute) text = `${Math.floor(distance / second)} s`;
  else if (distance < hour) text = `${Math.floor(distance / minute)} min`;
  else if (distance < 2 * day) text = `${Math.floor(distance / hour)} h`;
  else if (distance < 60 * day) text = `${Math.floor(distance / day)} d`;
  else if (distance < 730 * day) text = `${Math.floor(distance / (30.44 * day))} mo`;
  else text = `${Math.floor(distance / (365.25 * day))} y`;
  return time > now ? `in ${text}` : `${text} ago`;
}

/** "0 ms", "38 ms", "1.24 s", "12.3 s", "3 min 7 s", "2 h 5 min", "3 d 4 h". */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < second) return `${Math.round(ms)} ms`;
  if (ms < 10 * second) return `${(Math.floor(ms / 10) / 100).toFixed(2)} s`;
  if (ms < minute) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const parts: [number, string][] = [
    [day, "d"],
    [hour, "h"],
    [minute, "min"],
    [second, "s"],
  ];
  const first = parts.findIndex(([unit]) => ms >= unit);
  return parts
    .slice(first, first + 2)
    .map(([unit, name], i) => {
      const larger = parts[first + i - 1]?.[0];
      const value = Math.floor((i === 0 || larger === undefined ? ms : ms % larger) / unit);
      return i > 0 && value === 0 ? "" : `${value} ${name}`;
    })
    .filter((part) => part !== "")
    .join(" ");
}

import { formatDuration } from "@/services/time";
import type { Scale } from "./scale";

export interface Tick {
  /** In pixels from the left edge. */
  x: number;
  label: string;
  /** A round instant of the next larger unit: others are told from there. */
  major: boolean;
}

export interface Axis {
  ticks: Tick[];
  /** Folded stretches that can be seen. */
  breaks: { x: number; width: number; label: string }[];
  /** The date or the year of the left edge, which ticks of the time of day do not say. */
  origin: string;
}

export type AxisMode = "offset" | "local" | "utc";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

// Every step divides the next larger unit, so that round instants are ticks at every zoom.
const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000].map((n) => n * day),
];

/** The smallest nice step that is not shorter than the time. */
export function niceStep(atLeast: number): number {
  return steps.find((s) => s >= atLeast) ?? (steps[steps.length - 1] as number);
}

/** The unit above a step: ticks on it are major, and the others are told from the last one of it. */
function unitAbove(step: number): number {
  if (step < second) return second;
  if (step < minute) return minute;
  if (step < hour) return hour;
  return step < day ? day : Number.POSITIVE_INFINITY;
}

const letterWidth = 6.6;

/** The axis of the part of the line from one place to another, on so many pixels. */
export function axisOf(scale: Scale, from: number, to: number, width: number, mode: AxisMode): Axis {
  const perPixel = (to - from) / Math.max(width, 1);
  const x = (time: number) => (scale.place(time) - from) / perPixel;
  const breaks: Axis["breaks"] = [];
  const ticks: Tick[] = [];
  const clear = (left: number, right: number) => breaks.every((b) => right <= b.x || left >= b.x + b.width);
  for (const fold of scale.folds) {
    const left = (fold.at - from) / perPixel;
    const wide = fold.length / perPixel;
    if (left < width && left + wide > 0)
      breaks.push({ x: left, width: wide, label: formatDuration(fold.to - fold.from) });
  }
  const step = niceStep(perPixel * 84);
  const [first, last] = [scale.time(Math.max(from, 0)), scale.time(Math.min(to, scale.length))];
  let free = Number.NEGATIVE_INFINITY;
  let told = -1;
  for (const { time, piece } of instants(scale, first, last, step, mode)) {
    const at = x(time);
    // The first one of a piece is told in full, and the others from there.
    const { label, major } =
      mode === "offset"
        ? offsetLabel(time - scale.from, step, piece !== told)
        : clockLabel(time, step, mode, piece !== told);
    const right = at + label.length * letterWidth + 10;
    if (at < free || !clear(at + 0.5, right)) continue;
    free = right + 8;
    told = piece;
    // A label that would be cut off is left out; its line stays.
    ticks.push({ x: at, label: right - 10 > width + 14 ? "" : label, major });
  }
  return { ticks, breaks, origin: mode === "offset" ? "" : originOf(first, step, mode) };
}

/** The round instants of the step that are not within a fold, each with the number of its piece of the line. */
function* instants(
  scale: Scale,
  first: number,
  last: number,
  step: number,
  mode: AxisMode,
): Generator<{ time: number; piece: number }> {
  let at = first;
  for (let piece = 0; piece <= scale.folds.length; piece++) {
    const fold = scale.folds[piece];
    const end = Math.min(fold?.from ?? last, last);
    if (end >= at) for (const time of round(scale.from, at, end, step, mode)) yield { time, piece };
    if (fold === undefined || fold.from > last) return;
    at = Math.max(at, fold.to);
  }
}

function* round(start: number, first: number, last: number, step: number, mode: AxisMode): Generator<number> {
  if (mode === "offset") {
    for (let n = Math.ceil((first - start) / step); start + n * step <= last; n++) yield start + n * step;
    return;
  }
  if (step < hour) {
    // Zones differ from UTC by whole quarters of an hour, which all steps below one hour and a half divide or meet.
    const shift = mode === "utc" ? 0 : offsetOf(first) % Math.max(step, 1);
    for (let n = Math.ceil((first + shift) / step); n * step - shift <= last; n++) yield n * step - shift;
    return;
  }
  for (let at = calendarFloor(first, step, mode); at <= last; at = calendarNext(at, step, mode)) {
    if (at >= first) yield at;
  }
}

/** Milliseconds that the local clock is ahead of UTC. */
const offsetOf = (time: number) => -new Date(time).getTimezoneOffset() * minute;

function partsOf(time: number, mode: AxisMode): [year: number, month: number, date: number, hours: number] {
  const d = new Date(time);
  return mode === "utc"
    ? [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours()]
    : [d.getFullYear(), d.getMonth(), d.getDate(), d.getHours()];
}

function instantOf(year: number, month: number, date: number, hours: number, mode: AxisMode): number {
  return mode === "utc" ? Date.UTC(year, month, date, hours) : new Date(year, month, date, hours).getTime();
}

/** How many months a step of days stands for; 0 when it stays days. */
function monthsOf(step: number): number {
  const days = step / day;
  if (days < 20) return 0;
  return [1, 2, 3, 6, 12, 24, 60, 120, 240, 600].find((n) => n * 30.44 >= days) ?? 1200;
}

function calendarFloor(time: number, step: number, mode: AxisMode): number {
  const [year, month, date, hours] = partsOf(time, mode);
  const months = monthsOf(step);
  if (months >= 12) return instantOf(Math.floor(year / (months / 12)) * (months / 12), 0, 1, 0, mode);
  if (months > 0) return instantOf(year, Math.floor(month / months) * months, 1, 0, mode);
  if (step >= day) return instantOf(year, month, 1 + dayIndex(date, step) * (step / day), 0, mode);
  return instantOf(year, month, date, Math.floor(hours / (step / hour)) * (step / hour), mode);
}

/** Which of the days on the axis a day of the month belongs to; the last one of a month is the longest. */
function dayIndex(date: number, step: number): number {
  const days = step / day;
  const last = Math.floor(30 / days) - 1;
  return Math.min(Math.floor((date - 1) / days), days === 1 ? 30 : last);
}

function calendarNext(time: number, step: number, mode: AxisMode): number {
  const [year, month, date, hours] = partsOf(time, mode);
  const months = monthsOf(step);
  if (months > 0) return instantOf(year, month + months, 1, 0, mode);
  if (step >= day) {
    const days = step / day;
    const next = 1 + (dayIndex(date, step) + 1) * days;
    const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    // The rest of a month that is shorter than half a step has no tick of its own.
    return last - next + 1 < days / 2 || next > last
      ? instantOf(year, month + 1, 1, 0, mode)
      : instantOf(year, month, next, 0, mode);
  }
  const next = instantOf(year, month, date, hours + step / hour, mode);
  return next > time ? next : time + step;
}

/** Far from the start only the smaller parts are told, but of the first tick and of round instants. */
function offsetLabel(offset: number, step: number, first: boolean): { label: string; major: boolean } {
  const above = step < second ? minute : step < minute ? hour : step < hour ? day : Number.POSITIVE_INFINITY;
  const round = offset >= above && offset % unitAbove(step) === 0;
  return { label: exact(offset < above || first || round ? offset : offset % above, step), major: round };
}

/** A duration with as many digits as the step needs, and no more. */
function exact(ms: number, step: number): string {
  if (ms === 0) return "0";
  if (ms < second && step < second) return `${ms} ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, name] of [
    [day, "d"],
    [hour, "h"],
    [minute, "min"],
  ] as const) {
    const n = Math.floor(rest / unit);
    rest -= n * unit;
    if (n > 0) parts.push(`${n} ${name}`);
  }
  const digits = step >= second ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
  if (rest > 0 || parts.length === 0) parts.push(`${(rest / second).toFixed(digits)} s`);
  return parts.join(" ");
}

const two = (n: number) => String(n).padStart(2, "0");
const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function clockLabel(time: number, step: number, mode: AxisMode, first: boolean): { label: string; major: boolean } {
  const [year, month, date, hours] = partsOf(time, mode);
  const d = new Date(time);
  const [minutes, seconds, ms] = [
    mode === "utc" ? d.getUTCMinutes() : d.getMinutes(),
    d.getUTCSeconds(),
    d.getUTCMilliseconds(),
  ];
  if (step < second) {
    const major = ms === 0;
    const whole = major || first ? `${two(hours)}:${two(minutes)}:${two(seconds)}` : "";
    return { label: `${whole}${major ? "" : `.${String(ms).padStart(3, "0")}`}`, major };
  }
  if (step < day) {
    if (hours + minutes + seconds === 0) return { label: `${date} ${monthNames[month]}`, major: true };
    const major = step < minute && seconds === 0;
    return { label: `${two(hours)}:${two(minutes)}${step < minute ? `:${two(seconds)}` : ""}`, major };
  }
  if (month === 0 && date === 1) return { label: String(year), major: true };
  if (monthsOf(step) > 0) return { label: monthNames[month] as string, major: false };
  return { label: `${date} ${monthNames[month]}`, major: date === 1 };
}

/** The part of the time of day that the ticks leave out. */
function originOf(first: number, step: number, mode: AxisMode): string {
  const [year, month, date] = partsOf(first, mode);
  return step >= day ? String(year) : `${date} ${monthNames[month]} ${year}`;
}

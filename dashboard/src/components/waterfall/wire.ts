import type { components } from "@/services/schema.gen";

export type Execution = components["schemas"]["Execution"];
export type Step = components["schemas"]["Step"];
export type Event = components["schemas"]["Event"];
export type Status = components["schemas"]["Status"];

/** The wire's time in milliseconds since the epoch; undefined when it is absent or no time. */
export function millis(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const at = wireTime(time);
  return Number.isNaN(at) ? undefined : at;
}

let day = "";
let midnight = Number.NaN;

/** As Date.parse. Ten thousand steps have forty thousand times of the one form that the server writes, mostly of one day. */
function wireTime(time: string): number {
  if (time.length !== 24 || time.charCodeAt(10) !== 84 || time.charCodeAt(19) !== 46 || time.charCodeAt(23) !== 90) {
    return Date.parse(time);
  }
  if (!time.startsWith(day) || day === "") {
    day = time.slice(0, 10);
    midnight = Date.parse(day);
  }
  const two = (i: number) => time.charCodeAt(i) * 10 + time.charCodeAt(i + 1) - 528;
  return midnight + (two(11) * 60 + two(14)) * 60_000 + (two(17) * 10 + (time.charCodeAt(20) - 48)) * 100 + two(21);
}

import { useLocalStorage } from "./useLocalStorage";

export const timeFormats = ["relative", "local", "utc"] as const;
/** How times are shown everywhere: "3 min ago", in the zone of the browser, or in UTC. */
export type TimeFormat = (typeof timeFormats)[number];

export function useTimeFormat(): [TimeFormat, (format: TimeFormat) => void] {
  const [stored, set] = useLocalStorage("time", "relative");
  return [timeFormats.find((format) => format === stored) ?? "relative", set];
}

import { describe, expect, it } from "vitest";
import { formatDuration, localTime, relativeTime, utcTime } from "./time";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe("formatDuration", () => {
  it.each([
    [-5, "0 ms"],
    [0, "0 ms"],
    [38.4, "38 ms"],
    [999.4, "999 ms"],
    [1240, "1.24 s"],
    [9999, "9.99 s"],
    [10_000, "10.0 s"],
    [59_999, "59.9 s"],
    [minute, "1 min"],
    [3 * minute + 7.9 * second, "3 min 7 s"],
    [hour - 1, "59 min 59 s"],
    [2 * hour + 5 * minute + 59 * second, "2 h 5 min"],
    [day, "1 d"],
    [3 * day + 4 * hour + 59 * minute, "3 d 4 h"],
    [400 * day, "400 d"],
  ])("%d ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe("relativeTime", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  it.each([
    [0, "just now"],
    [-999, "just now"],
    [-42 * second, "42 s ago"],
    [3 * minute, "in 3 min"],
    [-59 * minute, "59 min ago"],
    [-47 * hour, "47 h ago"],
    [-5 * day, "5 d ago"],
    [-90 * day, "2 mo ago"],
    [-800 * day, "2 y ago"],
  ])("%d ms from now is %s", (distance, text) => expect(relativeTime(now + distance, now)).toBe(text));
});

describe("absolute times", () => {
  const time = Date.parse("2026-01-02T03:04:05.006Z");
  it("are written alike in both zones", () => {
    expect(utcTime(time)).toBe("2026-01-02 03:04:05Z");
    expect(utcTime(time, true)).toBe("2026-01-02 03:04:05.006Z");
    expect(localTime(time)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:05$/);
    expect(localTime(time, true)).toMatch(/:05\.006$/);
    expect(new Date(localTime(time)).getTime()).toBe(time - 6);
  });
});

import { expect, it } from "vitest";
import { durationProblem, durationText, parseDuration } from "./durations";

it("reads durations", () => {
  expect(parseDuration("")).toBeUndefined();
  expect(parseDuration("90s")).toBe(90_000);
  expect(parseDuration("1h 30m")).toBe(5_400_000);
  expect(parseDuration("1.5h")).toBe(5_400_000);
  expect(parseDuration("250ms")).toBe(250);
  expect(parseDuration("2D")).toBe(172_800_000);
  for (const text of ["5", "s", "five minutes", "1h30", "-5m", "1h,30m"]) expect(parseDuration(text), text).toBeNaN();
});

it("writes what it reads", () => {
  for (const ms of [1, 999, 60_000, 5_400_000, 86_400_000 * 30, 90_061_001]) {
    expect(parseDuration(durationText(ms))).toBe(ms);
  }
  expect(durationText(0)).toBe("");
  expect(durationText(undefined)).toBe("");
});

it("says what is wrong", () => {
  expect(durationProblem("")).toBeUndefined();
  expect(durationProblem("5m")).toBeUndefined();
  expect(durationProblem("soon")).toMatch(/90s/);
  expect(durationProblem("0s", 1)).toMatch(/From 1ms/);
  expect(durationProblem("9999d")).toMatch(/3650d/);
});

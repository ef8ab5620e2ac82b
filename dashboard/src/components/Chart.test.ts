import { expect, it } from "vitest";
import { momentText, stack } from "./Chart";

it("stacks values, and takes what is not known as nothing", () => {
  const series = [
    { label: "a", color: "--s-completed", values: [1, null, 3] },
    { label: "b", color: "--s-failed", values: [1, 2, null] },
  ];
  expect(stack(series)).toEqual([
    [1, 0, 3],
    [2, 2, 3],
  ]);
});

it("writes the time of day, the day at midnight, and days alone when marks are days apart", () => {
  const at = Date.UTC(2026, 10, 22, 9, 5, 7);
  expect(momentText(at, 600, true)).toBe("09:05");
  expect(momentText(at, 10, true)).toBe("09:05:07");
  expect(momentText(Date.UTC(2026, 10, 22), 21_600, true)).toBe("11-22");
  expect(momentText(at, 86_400, true)).toBe("11-22");
});

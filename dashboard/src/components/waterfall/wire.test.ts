import { expect, it } from "vitest";
import { randomFrom } from "./simulation";
import { millis } from "./wire";

it("reads times as Date.parse does", () => {
  const random = randomFrom(1);
  for (let i = 0; i < 5000; i++) {
    const text = new Date(Math.floor(random() * 4e12)).toISOString();
    if (millis(text) !== Date.parse(text)) expect.fail(`${text} is read as ${millis(text)}`);
  }
  expect(millis("2026-11-22T09:21:31.518Z")).toBe(1795339291518);
  expect(millis("2026-11-22T09:21:31Z")).toBe(1795339291000);
  expect(millis("2026-13-40T09:21:31.518Z")).toBeUndefined();
  expect(millis("soon")).toBeUndefined();
  expect(millis(undefined)).toBeUndefined();
});

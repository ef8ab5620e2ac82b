import { expect, it } from "vitest";
import { at, logLineOf } from "@/test/factories/execution";
import { fieldsText, logFile, selectLines } from "./logs";

const lines = [
  logLineOf({ step: "b", at: at(20), level: "error", message: "Boom" }),
  logLineOf({ at: at(10), level: "debug", message: "quiet", fields: { card: "VISA 1", n: 3 } }),
  logLineOf({ at: at(30), level: "warn", message: "slow" }),
];
const messages = (search: Parameters<typeof selectLines>[1]) => selectLines(lines, search).map((line) => line.message);

it("shows the oldest first, whatever the step", () => {
  expect(messages({})).toEqual(["quiet", "Boom", "slow"]);
});
it("shows a level and those above it", () => {
  expect(messages({ level: "warn" })).toEqual(["Boom", "slow"]);
});
it("finds texts in message, step and fields", () => {
  expect(messages({ q: "boom" })).toEqual(["Boom"]);
  expect(messages({ q: "visa" })).toEqual(["quiet"]);
  expect(messages({ q: "boom", level: "warn" })).toEqual(["Boom"]);
  expect(messages({ q: "nothing" })).toEqual([]);
});
it("writes fields so that each can be told from the next", () => {
  expect(fieldsText({ card: "VISA 1", n: 3, plain: "x", list: [1] })).toBe('card="VISA 1" n=3 plain=x list=[1]');
});
it("writes a file of a line each", () => {
  expect(logFile(lines.slice(0, 2))).toBe(
    `${at(20)} ERROR [b#1] Boom\n${at(10)} DEBUG [-#1] quiet card="VISA 1" n=3\n`,
  );
});

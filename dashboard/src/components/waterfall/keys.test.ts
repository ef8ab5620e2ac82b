import { expect, it } from "vitest";
import { commandOf } from "./keys";
import type { Row } from "./model";

const row = (key: string, more: Partial<Row> = {}): Row => ({
  key,
  kind: "step",
  level: 2,
  name: key,
  status: "completed",
  step: key,
  overridden: false,
  from: 0,
  to: 1,
  segments: [],
  tries: 0,
  ...more,
});
const root = row("", { kind: "execution", level: 1, tries: 2 });
delete root.step;
const rows = [root, row("a", { tries: 2 }), row("a/1", { kind: "try", step: "a", attempt: 1 }), row("b")];
const open = new Set(["a"]);

it.each([
  ["ArrowDown", false, 0, { do: "select", index: 1 }],
  ["j", false, 3, { do: "select", index: 3 }],
  ["ArrowUp", false, 0, { do: "select", index: 0 }],
  ["k", false, 2, { do: "select", index: 1 }],
  ["PageDown", false, 0, { do: "select", index: 2 }],
  ["PageUp", false, 3, { do: "select", index: 1 }],
  ["Home", false, 3, { do: "select", index: 0 }],
  ["End", false, 0, { do: "select", index: 3 }],
  ["Enter", false, 1, { do: "toggle" }],
  ["Enter", false, 3, { do: "select", index: 3 }],
  [" ", false, 0, { do: "toggle" }],
  ["ArrowRight", false, 0, { do: "toggle" }],
  ["ArrowRight", false, 1, { do: "select", index: 2 }],
  ["ArrowLeft", false, 1, { do: "toggle" }],
  ["ArrowLeft", false, 2, { do: "select", index: 1 }],
  ["ArrowRight", true, 1, { do: "pan", part: 0.2 }],
  ["ArrowLeft", true, 1, { do: "pan", part: -0.2 }],
  ["+", true, 1, { do: "zoom", factor: 1.5 }],
  ["-", false, 1, { do: "zoom", factor: 1 / 1.5 }],
  ["0", false, 1, { do: "fit" }],
  ["z", false, 1, { do: "show" }],
  ["f", false, 1, { do: "fold" }],
  ["g", false, 1, undefined],
  ["Escape", false, 1, undefined],
  ["Tab", false, 1, undefined],
])("%s (shift: %s) on row %i", (key, shift, active, expected) => {
  expect(commandOf(key, shift, rows, active, open, 2)).toEqual(expected);
});

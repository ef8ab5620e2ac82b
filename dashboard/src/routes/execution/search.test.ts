import { expect, it } from "vitest";
import { readExecutionSearch } from "./search";

it("keeps what it knows and drops the rest", () => {
  expect(
    readExecutionSearch({
      tab: "logs",
      step: "a/b #2",
      attempt: "2",
      kind: ["steps", "x"],
      level: "warn",
      q: "boom",
      other: "1",
    }),
  ).toEqual({ tab: "logs", step: "a/b #2", attempt: 2, kind: ["steps"], level: "warn", q: "boom" });
  expect(readExecutionSearch({ tab: "dag", attempt: "-1", level: "loud", kind: "none", q: "" })).toEqual({});
});

import { describe, expect, it } from "vitest";
import { readJSON } from "./jsonField";

describe("readJSON", () => {
  it("tells nothing, a value and a mistake apart", () => {
    expect(readJSON("  \n")).toEqual({ value: undefined, problem: undefined });
    expect(readJSON("null")).toEqual({ value: null, problem: undefined });
    expect(readJSON('{"limit": 5}')).toEqual({ value: { limit: 5 }, problem: undefined });
    expect(readJSON("{limit: 5}")).toEqual({
      value: undefined,
      problem: expect.stringMatching(/^This is not JSON: .+\.$/),
    });
  });

  it("says what a text lacks", () => {
    expect(readJSON("hello").problem).toMatch(/ A text needs quotes\.$/);
    expect(readJSON("[1,").problem).not.toContain("quotes");
  });
});

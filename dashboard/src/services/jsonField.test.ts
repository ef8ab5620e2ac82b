import { describe, expect, it } from "vitest";
import { parseField } from "./jsonField";

describe("parseField", () => {
  it("tells nothing, a value and a mistake apart", () => {
    expect(parseField("  \n")).toEqual({ state: "empty" });
    expect(parseField("null")).toEqual({ state: "value", value: null });
    expect(parseField('{"limit": 5}')).toEqual({ state: "value", value: { limit: 5 } });
    expect(parseField("{limit: 5}").state).toBe("broken");
  });
});

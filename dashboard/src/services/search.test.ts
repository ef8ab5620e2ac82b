import { describe, expect, it } from "vitest";
import { integer, manyOf, oneOf, parseSearch, stringifySearch, text, texts } from "./search";

describe("the address", () => {
  it("carries filters as people write them, and gives them back", () => {
    const search = {
      status: ["failed", "running"],
      workflow: "extract-invoice",
      text: "a&b=c ü",
      empty: "",
      none: undefined,
    };
    const written = stringifySearch(search);
    expect(written).toBe("?status=failed&status=running&workflow=extract-invoice&text=a%26b%3Dc+%C3%BC");
    expect(parseSearch(written)).toEqual({
      status: ["failed", "running"],
      workflow: "extract-invoice",
      text: "a&b=c ü",
    });
    expect(stringifySearch({})).toBe("");
  });

  it("gives each filter only what it allows", () => {
    const search = parseSearch("?status=running&status=nonsense&limit=12&bad=1e9&view=tree&empty=");
    expect(manyOf(search, "status", ["failed", "running"])).toEqual(["running"]);
    expect(manyOf(search, "view", ["x"])).toBeUndefined();
    expect(oneOf(search, "view", ["tree", "text"])).toBe("tree");
    expect(integer(search, "limit")).toBe(12);
    expect(integer(search, "bad")).toBeUndefined();
    expect(text(search, "empty")).toBeUndefined();
    expect(text(search, "status")).toBe("running");
    expect(texts(search, "limit")).toEqual(["12"]);
    expect(texts(search, "none")).toBeUndefined();
  });
});

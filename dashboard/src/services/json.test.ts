import { describe, expect, it } from "vitest";
import { lineCount, lines, matchLimit, search } from "./json";

const value = {
  customer: { name: "Ada Lovelace", tags: ["vip", "london"] },
  "a/b~c": 1,
  paid: false,
  note: null,
  empty: [],
};

describe("lines", () => {
  const drawn = (depth: number, toggled: [string, boolean][] = []) =>
    lines(value, { depth, toggled: new Map(toggled) }).map((line) => line.path);

  it("opens so many levels and no more", () => {
    expect(drawn(0)).toEqual([""]);
    expect(drawn(1)).toEqual(["", "/customer", "/a~1b~0c", "/paid", "/note", "/empty"]);
    expect(drawn(9)).toContain("/customer/tags/1");
  });

  it("lets people open and close against that", () => {
    expect(drawn(1, [["/customer", true]])).toContain("/customer/name");
    expect(drawn(9, [["/customer", false]])).not.toContain("/customer/name");
    expect(drawn(9, [["", false]])).toEqual([""]);
  });

  it("opens what lies above a match", () => {
    const found = search(value, "LONDON");
    const paths = lines(value, { depth: 0, toggled: new Map(), found });
    expect(paths.find((line) => line.match)?.path).toBe("/customer/tags/1");
    expect(paths.filter((line) => line.match)).toHaveLength(1);
  });
});

describe("search", () => {
  it("finds names and values whatever the case, words of JSON too", () => {
    expect(search(value, "NAME").matches).toEqual(["/customer/name"]);
    expect(search(value, "ada").matches).toEqual(["/customer/name"]);
    expect(search(value, "false").matches).toEqual(["/paid"]);
    expect(search(value, "null").matches).toEqual(["/note"]);
    expect(search(value, "a/b").matches).toEqual(["/a~1b~0c"]);
    expect(search(value, "nowhere").matches).toEqual([]);
  });

  it("does not take the place of an element for its name", () => {
    expect(search(["x", "y"], "1").matches).toEqual([]);
  });

  it("stops at its limit and says so", () => {
    const many = Array.from({ length: matchLimit + 5 }, (_, i) => `hit ${i}`);
    const found = search(many, "hit");
    expect(found.matches).toHaveLength(matchLimit);
    expect(found.complete).toBe(false);
    expect(search(many.slice(0, matchLimit), "hit").complete).toBe(true);
  });
});

describe("lineCount", () => {
  it("counts no further than asked", () => {
    expect(lineCount(value)).toBe(10);
    expect(lineCount(Array.from({ length: 1_000_000 }), 100)).toBe(100);
  });
});

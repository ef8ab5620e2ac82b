import { describe, expect, it } from "vitest";
import { gather, type Known, replaceLast, suggest } from "./suggest";

const known: Known = {
  workflows: ["echo", "extract-invoice", "invoice-mail", "steps"],
  metadata: new Map([
    ["customer", ["1138", "42"]],
    ["region", ["eu", "us"]],
  ]),
};
const labels = (line: string) => suggest(line, known).map((suggestion) => suggestion.label);

describe("what the filter box offers", () => {
  it("begins with the names", () => {
    expect(labels("")).toEqual([
      "status:",
      "workflow:",
      "created:>",
      "created:<",
      "metadata.",
      "awaiting:",
      "trigger:",
    ]);
    expect(labels("foo ")).toEqual(labels(""));
  });

  it("completes names, states, workflows and values that begin so", () => {
    expect(labels("st")).toEqual(["status:", "workflow:steps"]);
    expect(labels("run")).toEqual(["status:running"]);
    expect(labels("invoice")).toEqual(["workflow:invoice-mail", "workflow:extract-invoice"]);
    expect(labels("113")).toEqual(["metadata.customer:1138"]);
    expect(labels("cust")).toEqual(["metadata.customer:"]);
  });

  it("goes on with the states of a set", () => {
    expect(labels("status:")).toHaveLength(9);
    expect(labels("status:running,wa")).toEqual(["status:running,waiting"]);
    expect(labels("status:running,")).not.toContain("status:running,running");
  });

  it("knows workflows, metadata and ranges", () => {
    expect(labels("workflow:inv")).toEqual(["workflow:invoice-mail", "workflow:extract-invoice"]);
    expect(labels("metadata.")).toEqual(["metadata.customer:", "metadata.region:"]);
    expect(labels("metadata.reg")).toEqual(["metadata.region:"]);
    expect(labels("metadata.region:u")).toEqual(["metadata.region:us", "metadata.region:eu"]);
    expect(labels("created:>7")).toEqual(["created:>now()-7d"]);
    expect(labels("created:<")[0]).toBe("created:<now()-15m");
    expect(labels("trigger:c")).toEqual(["trigger:cli", "trigger:scheduled"]);
  });

  it("opens an execution whose id is pasted", () => {
    const id = "exec_01kaf3q8e5fj8r1x3vv6d1m2n3";
    expect(suggest(id, known)[0]?.does).toEqual({ type: "open", id });
  });

  it("offers nothing for words that nothing begins with", () => {
    expect(labels("zzz")).toEqual([]);
  });

  it("replaces the word that is being typed", () => {
    expect(replaceLast("foo stat", "status:")).toBe("foo status:");
    expect(replaceLast("foo ", "status:")).toBe("foo status:");
    expect(replaceLast("", "status:")).toBe("status:");
  });
});

describe("what is gathered from rows", () => {
  it("is bounded, the newest values first", () => {
    const seen = new Map<string, string[]>();
    const rows = Array.from({ length: 500 }, (_, i) => ({ metadata: { [`key${i % 80}`]: `value${i}` } }));
    gather(seen, rows, { keys: 10, values: 3 });
    expect(seen.size).toBe(10);
    for (const values of seen.values()) expect(values.length).toBeLessThanOrEqual(3);
    expect(seen.get("key0")).toEqual(["value480", "value400", "value320"]);
    expect(gather(seen, [{ metadata: { key0: "value480" } }, {}])).toBe(false);
  });
});

import { describe, expect, it } from "vitest";
import { add, format, parse, remove, split, takeComplete, termsOf, write } from "./filter";
import { apiFilter, type ExecutionFilter, filterKey, filterOf, isEverything, searchOf, validateSearch } from "./search";

const filterOfLine = (line: string) => add({}, parse(line).terms);

describe("the line of the filter box", () => {
  it("reads the whole language", () => {
    const line =
      "status:running,waiting workflow:extract-invoice trigger:api metadata.customer:1138 created:>now()-7d invoice 42";
    expect(parse(line).problems).toEqual([]);
    expect(filterOfLine(line)).toEqual({
      status: ["running", "waiting"],
      workflow: "extract-invoice",
      trigger: ["api"],
      metadata: { customer: "1138" },
      from: "now()-7d",
      text: "invoice 42",
    });
  });

  it.each([
    ["awaiting:approval:manager", { awaiting: "approval:manager" }],
    ["created:>7d", { from: "now()-7d" }],
    ["created:7d", { from: "now()-7d" }],
    ["created>7d", { from: "now()-7d" }],
    ["created:>=2026-11-01T08:00Z", { from: "2026-11-01T08:00Z" }],
    ["created:<now()-1h", { to: "now()-1h" }],
    ["created<2026-11-01", { to: "2026-11-01" }],
    ["created:2026-11-21", { from: "2026-11-21", to: "2026-11-21" }],
    ["created:2026-11-01..now()-1d", { from: "2026-11-01", to: "now()-1d" }],
  ])("reads %s", (line, filter) => {
    expect(filterOfLine(line)).toEqual(filter);
  });

  it("keeps what is in quotes together", () => {
    expect(filterOfLine('workflow:"my flow" metadata."a b":"c \\"d\\"" "status:failed"')).toEqual({
      workflow: "my flow",
      metadata: { "a b": 'c "d"' },
      text: "status:failed",
    });
    expect(split('a "b c" d\\ e').map((word) => word.raw)).toEqual(["a", '"b c"', "d\\ e"]);
  });

  it("takes a colon in a text for a text", () => {
    expect(filterOfLine("https://example.com/a?b=c order:1138")).toEqual({
      text: "https://example.com/a?b=c order:1138",
    });
  });

  it.each([
    ["status:runing", '"runing" is no state'],
    ["status:", "status needs a state"],
    ["trigger:cron", '"cron" is no trigger'],
    ["workflow:", "workflow needs a name"],
    ["metadata.customer:", "metadata.customer needs a value"],
    ["awaiting:godot", "awaited"],
    ["created:>soon", '"soon" is no time'],
    ["created:1d..x", "is no range"],
    ["created:2026-13-01", '"2026-13-01" is no time'],
  ])("says what is wrong with %s", (line, problem) => {
    const parsed = parse(line);
    expect(parsed.terms).toEqual([]);
    expect(parsed.problems).toHaveLength(1);
    expect(parsed.problems[0]).toContain(problem);
  });

  it("can look for an empty value of metadata", () => {
    expect(filterOfLine('metadata.note:""')).toEqual({ metadata: { note: "" } });
  });

  const filters: ExecutionFilter[] = [
    {},
    { status: ["failed"], text: "status:failed" },
    { workflow: 'a "b" \\c', metadata: { "x:y": "1 2", z: "", "k.l": '"' } },
    { from: "2026-11-21", to: "2026-11-21" },
    { from: "now()-7d", to: "2026-11-21T08:00:00Z", trigger: ["cli", "manual"] },
    { to: "now() - 1h" },
    { awaiting: 'signal:go "on"' },
    { text: 'say "hi"' },
    { text: "a:b" },
    { text: "created>x" },
  ];
  it.each(filters)("writes what it reads: %j", (filter) => {
    expect(filterOfLine(format(filter))).toEqual(filter);
  });

  it("takes complete conditions out while somebody types", () => {
    expect(takeComplete("foo status:failed created:>7d stat")).toEqual({
      terms: [
        { kind: "status", values: ["failed"] },
        { kind: "created", from: "now()-7d" },
      ],
      rest: "foo stat ",
    });
    expect(takeComplete("status:bogus ").terms).toEqual([]);
  });

  it("joins states, and lets the later of two workflows win", () => {
    expect(filterOfLine("status:waiting status:running workflow:a workflow:b")).toEqual({
      status: ["running", "waiting"],
      workflow: "b",
    });
  });

  it("takes each condition away by itself", () => {
    const filter = filterOfLine(
      "status:failed workflow:a trigger:api metadata.x:1 metadata.y:2 awaiting:signal created:7d text",
    );
    for (const term of termsOf(filter)) {
      const rest = remove(filter, term);
      expect(format(rest)).not.toContain(write(term));
      expect(termsOf(rest)).toHaveLength(termsOf(filter).length - 1);
    }
    expect(isEverything(termsOf(filter).reduce(remove, filter))).toBe(true);
  });
});

describe("the address of the list", () => {
  it("carries every filter there and back", () => {
    const filter = filterOfLine(
      'status:failed,rejected workflow:a trigger:api,cli metadata.customer:1138 metadata."x y":z created:7d..1d "a b"',
    );
    const search = searchOf(filter);
    expect(search["metadata.customer"]).toBe("1138");
    expect(filterOf(validateSearch(JSON.parse(JSON.stringify(search)) as Record<string, unknown>))).toEqual(filter);
  });

  it("reads what a person would type", () => {
    expect(validateSearch({ status: "failed,running", from: " now()-1d", "metadata.a": ["1", "2"], x: "y" })).toEqual({
      status: ["failed", "running"],
      from: "now()-1d",
      "metadata.a": "1",
    });
  });

  it("keeps values that do not exist, for the server to refuse", () => {
    expect(validateSearch({ status: "bogus" })).toEqual({ status: ["bogus"] });
  });

  it("keeps the wish for everything only when nothing is filtered", () => {
    expect(validateSearch({ view: "all" })).toEqual({ view: "all" });
    expect(validateSearch({ view: "all", text: "a" })).toEqual({ text: "a" });
    expect(validateSearch({ view: "other" })).toEqual({});
  });

  it("has one key for one meaning", () => {
    expect(filterKey({ status: ["failed", "running"], metadata: { b: "1", a: "2" } })).toBe(
      filterKey({ metadata: { a: "2", b: "1" }, status: ["running", "failed"] }),
    );
    expect(filterKey({ text: "a" })).not.toBe(filterKey({ workflow: "a" }));
  });

  it("becomes the API's query", () => {
    expect(
      apiFilter(filterOfLine("status:failed workflow:a created:7d..1d metadata.x:1 text trigger:cli awaiting:signal")),
    ).toEqual({
      status: ["failed"],
      workflow_id: "a",
      created_from: "now()-7d",
      created_to: "now()-1d",
      metadata: { x: "1" },
      text: "text",
      trigger: ["cli"],
      awaiting: "signal",
    });
    expect(apiFilter({})).toEqual({});
  });
});

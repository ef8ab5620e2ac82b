import { describe, expect, it } from "vitest";
import {
  fromLocalInput,
  hiddenMembers,
  initialValue,
  parseNumber,
  placesOf,
  type Spec,
  specOf,
  toLocalInput,
  withMember,
} from "./schema";

const member = (spec: Spec, name: string): Spec => {
  if (spec.kind !== "object") throw new Error(`no object but ${spec.kind}`);
  const found = spec.members.find((each) => each.name === name);
  if (!found) throw new Error(`no member ${name}`);
  return found.spec;
};
const field = (schema: unknown): Spec => member(specOf({ type: "object", properties: { x: schema } }), "x");

describe("specOf", () => {
  it("knows the scalars", () => {
    expect(field({ type: "string", maxLength: 50 })).toMatchObject({ kind: "string", long: false, maxLength: 50 });
    expect(field({ type: "string" })).toMatchObject({ kind: "string", long: true, format: undefined });
    expect(field({ type: "string", pattern: "^a" })).toMatchObject({ kind: "string", long: false });
    expect(field({ type: "integer", minimum: 1, exclusiveMaximum: 9 })).toMatchObject({
      kind: "number",
      integer: true,
      minimum: 1,
      maximum: 9,
      exclusive: true,
    });
    expect(field({ type: "number" })).toMatchObject({ kind: "number", integer: false, exclusive: false });
    expect(field({ type: "boolean", description: "d", title: "T" })).toMatchObject({
      kind: "boolean",
      description: "d",
      title: "T",
    });
  });

  it("knows formats, and takes others as text", () => {
    for (const format of ["date", "date-time", "email", "uri"]) {
      expect(field({ type: "string", format })).toMatchObject({ kind: "string", format, long: false });
    }
    expect(field({ type: "string", format: "hostname" })).toMatchObject({ kind: "string", format: undefined });
  });

  it("makes choices of enums, constants and alternatives of constants", () => {
    expect(field({ enum: ["a", 1, null, true] })).toMatchObject({ kind: "choice", options: ["a", 1, null, true] });
    expect(field({ const: "v1" })).toMatchObject({ kind: "choice", options: ["v1"] });
    expect(field({ oneOf: [{ const: "a" }, { const: "b", title: "B" }] })).toMatchObject({
      kind: "choice",
      options: ["a", "b"],
    });
    expect(field({ enum: [{}] }).kind).toBe("json");
  });

  it("takes null beside one type as nullable", () => {
    expect(field({ type: ["string", "null"] })).toMatchObject({ kind: "string", nullable: true });
    expect(field({ anyOf: [{ type: "integer" }, { type: "null" }] })).toMatchObject({ kind: "number", nullable: true });
    expect(field({ type: ["string", "integer"] }).kind).toBe("json");
  });

  it("falls back to JSON for what a form cannot show", () => {
    for (const schema of [
      true,
      {},
      { oneOf: [{ type: "string" }, { type: "integer" }] },
      { allOf: [{ type: "string" }, { minLength: 2 }] },
      { type: "array" },
      { type: "array", prefixItems: [{ type: "string" }] },
      { type: "object" },
      { type: "object", additionalProperties: { type: "string" } },
      { $ref: "https://example.com/schema" },
      { $ref: "#/$defs/none" },
    ]) {
      expect(field(schema).kind, JSON.stringify(schema)).toBe("json");
    }
  });

  it("follows references, and a schema that refers to itself comes to an end", () => {
    const schema = {
      type: "object",
      $defs: {
        node: { type: "object", properties: { name: { type: "string" }, next: { $ref: "#/$defs/node" } } },
        "a/b": { type: "integer" },
        loop: { $ref: "#/$defs/loop" },
      },
      properties: {
        node: { $ref: "#/$defs/node", description: "the first" },
        n: { $ref: "#/$defs/a~1b" },
        loop: { $ref: "#/$defs/loop" },
      },
    };
    const spec = specOf(schema);
    expect(member(spec, "node")).toMatchObject({ kind: "object", description: "the first" });
    expect(member(spec, "n")).toMatchObject({ kind: "number" });
    expect(member(spec, "loop").kind).toBe("json");
    let depth = 0;
    for (let at = member(spec, "node"); at.kind === "object"; at = member(at, "next")) depth++;
    expect(depth).toBeGreaterThan(2);
    expect(depth).toBeLessThan(10);
  });

  it("puts what is required first, and leaves out what is forbidden", () => {
    const spec = specOf({
      type: "object",
      required: ["c"],
      properties: { a: { type: "string" }, b: false, c: { type: "string" } },
    });
    if (spec.kind !== "object") throw new Error(spec.kind);
    expect(spec.members.map((each) => [each.name, each.required])).toEqual([
      ["c", true],
      ["a", false],
    ]);
  });

  it("knows references to files", () => {
    expect(field({ type: "object", required: ["fileId"] }).kind).toBe("file");
    expect(field({ type: "object", properties: { fileId: { type: "string" } } }).kind).toBe("file");
    expect(field({ type: "array", items: { type: "object", required: ["fileId"] } })).toMatchObject({
      kind: "list",
      item: { kind: "file" },
    });
  });

  it("draws an object with conditions by its properties", () => {
    const spec = specOf({ type: "object", properties: { a: { type: "string" } }, if: {}, oneOf: [{}, {}] });
    expect(spec.kind).toBe("object");
  });
});

describe("initialValue", () => {
  it("has defaults, required objects and lists, and constants", () => {
    const spec = specOf({
      type: "object",
      required: ["o", "l", "k", "s"],
      properties: {
        s: { type: "string" },
        d: { type: "integer", default: 0 },
        o: { type: "object", properties: { deep: { default: [1] } } },
        maybe: { type: "object", properties: { deep: { default: 1 } } },
        l: { type: "array", items: { type: "string" } },
        k: { const: "v2" },
      },
    });
    expect(initialValue(spec, true)).toEqual({ d: 0, o: { deep: [1] }, l: [], k: "v2" });
  });

  it("does not share defaults with the schema", () => {
    const schema = { type: "object", properties: { a: { default: { n: 1 } } } };
    const value = initialValue(specOf(schema), true) as { a: { n: number } };
    value.a.n = 2;
    expect(schema.properties.a.default.n).toBe(1);
  });
});

describe("values", () => {
  it("sets and takes away members, also of names that objects have by themselves", () => {
    expect(withMember({ a: 1, b: 2 }, "a", undefined)).toEqual({ b: 2 });
    expect(withMember(undefined, "a", 0)).toEqual({ a: 0 });
    const odd = withMember({}, "__proto__", 1);
    expect(Object.keys(odd)).toEqual(["__proto__"]);
    expect(JSON.stringify(odd)).toBe('{"__proto__":1}');
  });

  it("names places as the server does", () => {
    const spec = specOf({
      type: "object",
      properties: {
        lines: { type: "array", items: { type: "object", properties: { price: { type: "number" } } } },
        off: { type: "object", properties: { x: { type: "string" } } },
      },
    });
    expect(placesOf(spec, { lines: [{}, { price: 1 }] }, "input")).toEqual([
      "input",
      "input.lines",
      "input.lines[0]",
      "input.lines[0].price",
      "input.lines[1]",
      "input.lines[1].price",
      "input.off",
    ]);
  });

  it("tells of members that no field shows", () => {
    const spec = specOf({ type: "object", properties: { a: {} } });
    expect(hiddenMembers(spec, { a: 1, b: 2 })).toEqual(["b"]);
  });

  it("reads numbers strictly", () => {
    expect(parseNumber("", true)).toEqual({});
    expect(parseNumber(" 12 ", true)).toEqual({ value: 12 });
    expect(parseNumber("-1.5e3", false)).toEqual({ value: -1500 });
    expect(parseNumber("1.5", true).problem).toBeDefined();
    for (const text of ["twelve", "1,5", "0x10", "1e999", "Infinity", "--1"]) {
      expect(parseNumber(text, false).problem, text).toBeDefined();
    }
    expect(parseNumber("12345678901234567890", true).problem).toMatch(/digits/);
  });

  it("writes moments in the browser's zone and back", () => {
    const text = toLocalInput("2026-11-22T09:15:57Z");
    expect(text).toMatch(/^2026-11-2\dT\d\d:\d\d:57$/);
    expect(fromLocalInput(text)).toBe("2026-11-22T09:15:57.000Z");
    expect(toLocalInput("soon")).toBe("");
    expect(fromLocalInput("")).toBeUndefined();
  });
});

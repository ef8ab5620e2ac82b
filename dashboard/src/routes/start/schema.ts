// From a JSON Schema (2020-12) to the fields of a form. What a form cannot show becomes a field of JSON, and what only the
// server can judge (if, not, dependencies) is left to it.

export type Scalar = string | number | boolean | null;
export type Format = "date" | "date-time" | "email" | "uri";

interface Common {
  /** title, or empty: the name stands for it. */
  title: string;
  description: string;
  /** null is allowed too. */
  nullable: boolean;
  /** undefined: none. */
  initial: unknown;
}

export type Spec = Common &
  (
    | {
        kind: "string";
        format: Format | undefined;
        long: boolean;
        minLength?: number;
        maxLength?: number;
        example: string;
      }
    | { kind: "number"; integer: boolean; minimum?: number; maximum?: number; exclusive: boolean }
    | { kind: "boolean" }
    | { kind: "choice"; options: readonly Scalar[] }
    | { kind: "file" }
    | { kind: "object"; members: readonly Member[] }
    | { kind: "list"; item: Spec; most: number | undefined }
    | { kind: "json" }
  );

export interface Member {
  name: string;
  required: boolean;
  spec: Spec;
}

type Schema = Record<string, unknown>;

const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const isScalar = (value: unknown): value is Scalar =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

// Deeper ones are typed as JSON: a schema may refer to itself.
const deepest = 6;

/** The fields for a schema. */
export function specOf(schema: unknown): Spec {
  return build(schema, schema, 0);
}

/** Follows references within the schema, with what stands beside them. */
function resolve(schema: Schema, root: unknown): Schema | undefined {
  let found = schema;
  for (let hops = 0; hops < 16; hops++) {
    const ref = found.$ref;
    if (ref === undefined) return found;
    if (typeof ref !== "string" || !ref.startsWith("#")) return undefined;
    let target: unknown = root;
    for (const part of ref.slice(1).split("/").slice(1)) {
      const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      target = isObject(target) && Object.hasOwn(target, name) ? target[name] : undefined;
    }
    if (!isObject(target)) return undefined;
    const { $ref: _, ...beside } = found;
    found = { ...target, ...beside };
  }
  return undefined;
}

function build(given: unknown, root: unknown, depth: number): Spec {
  const schema = isObject(given) ? resolve(given, root) : undefined;
  const common: Common = {
    title: textOf(schema?.title),
    description: textOf(schema?.description),
    nullable: false,
    initial: schema?.default,
  };
  if (schema === undefined) return { ...common, kind: "json" };

  const alternatives = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(alternatives)) {
    // A list of constants is a choice with names, and something or null is that thing.
    const constants = alternatives.map((each) => (isObject(each) && "const" in each ? each.const : undefined));
    if (constants.length > 0 && constants.every((value) => value !== undefined && isScalar(value))) {
      return { ...common, kind: "choice", options: constants as Scalar[] };
    }
    const some = alternatives.filter((each) => !(isObject(each) && each.type === "null"));
    const only = some[0];
    if (alternatives.length === 2 && some.length === 1 && isObject(only)) {
      const { oneOf: _, anyOf: __, ...beside } = schema;
      return { ...build({ ...only, ...beside }, root, depth), nullable: true };
    }
    if (schema.type === undefined || schema.properties === undefined) return { ...common, kind: "json" };
  }
  if (Array.isArray(schema.allOf) && schema.properties === undefined) {
    const only = schema.allOf[0];
    if (schema.allOf.length !== 1 || !isObject(only)) return { ...common, kind: "json" };
    const { allOf: _, ...beside } = schema;
    return build({ ...only, ...beside }, root, depth);
  }

  if (Array.isArray(schema.enum) && schema.enum.length > 0 && schema.enum.every(isScalar)) {
    return { ...common, kind: "choice", options: schema.enum };
  }
  if (isScalar(schema.const) && schema.const !== undefined) {
    return { ...common, kind: "choice", options: [schema.const] };
  }
  let type = schema.type;
  if (Array.isArray(type)) {
    const others = type.filter((each) => each !== "null");
    common.nullable = others.length < type.length;
    type = others.length === 1 ? others[0] : undefined;
  }
  if (type === undefined && isObject(schema.properties)) type = "object";
  switch (type) {
    case "string":
      return string(schema, common);
    case "integer":
    case "number":
      return number(schema, common, type === "integer");
    case "boolean":
      return { ...common, kind: "boolean" };
    case "object":
      return object(schema, common, root, depth);
    case "array": {
      if (depth >= deepest || schema.prefixItems !== undefined || !isObject(schema.items))
        return { ...common, kind: "json" };
      return { ...common, kind: "list", item: build(schema.items, root, depth + 1), most: numberOf(schema.maxItems) };
    }
    default:
      return { ...common, kind: "json" };
  }
}

const formats: Record<string, Format> = {
  date: "date",
  "date-time": "date-time",
  email: "email",
  "idn-email": "email",
  uri: "uri",
  url: "uri",
  iri: "uri",
};

function string(schema: Schema, common: Common): Spec {
  const format = formats[textOf(schema.format)];
  const maxLength = numberOf(schema.maxLength);
  const minLength = numberOf(schema.minLength);
  const example = Array.isArray(schema.examples) ? textOf(schema.examples[0]) : "";
  return {
    ...common,
    kind: "string",
    format,
    long: format === undefined && schema.pattern === undefined && (maxLength === undefined || maxLength > 200),
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
    example,
  };
}

function number(schema: Schema, common: Common, integer: boolean): Spec {
  const minimum = numberOf(schema.minimum) ?? numberOf(schema.exclusiveMinimum);
  const maximum = numberOf(schema.maximum) ?? numberOf(schema.exclusiveMaximum);
  return {
    ...common,
    kind: "number",
    integer,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    exclusive: schema.exclusiveMinimum !== undefined || schema.exclusiveMaximum !== undefined,
  };
}

function object(schema: Schema, common: Common, root: unknown, depth: number): Spec {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const properties = isObject(schema.properties) ? schema.properties : {};
  if (required.includes("fileId") || Object.hasOwn(properties, "fileId")) return { ...common, kind: "file" };
  const names = Object.keys(properties).filter((name) => properties[name] !== false);
  if (names.length === 0 && depth > 0) return { ...common, kind: "json" };
  if (depth >= deepest) return { ...common, kind: "json" };
  const members = names.map((name) => ({
    name,
    required: required.includes(name),
    spec: build(properties[name], root, depth + 1),
  }));
  // What must be given comes first; beyond that the author's order says something.
  return {
    ...common,
    kind: "object",
    members: [...members.filter((m) => m.required), ...members.filter((m) => !m.required)],
  };
}

/** What a field holds before anybody has typed: its default, and the members of objects that must be there. */
export function initialValue(spec: Spec, required: boolean): unknown {
  if (spec.initial !== undefined) return structuredClone(spec.initial);
  if (spec.kind === "object" && required) {
    const value: Record<string, unknown> = {};
    for (const member of spec.members) {
      const inner = initialValue(member.spec, member.required);
      if (inner !== undefined) value[member.name] = inner;
    }
    return value;
  }
  if (spec.kind === "list" && required) return [];
  if (spec.kind === "choice" && required && spec.options.length === 1) return spec.options[0];
  return undefined;
}

/** The value with a member replaced; undefined takes it away. */
export function withMember(value: unknown, name: string, member: unknown): Record<string, unknown> {
  const next: Record<string, unknown> = isObject(value) ? { ...value } : {};
  if (member === undefined) delete next[name];
  else Object.defineProperty(next, name, { value: member, enumerable: true, configurable: true, writable: true });
  return next;
}

/** The place of a member as the server writes it in errors: input.lines[0].price */
export const memberPath = (parent: string, name: string | number): string =>
  typeof name === "number" ? `${parent}[${name}]` : `${parent}.${name}`;

/** The places of all fields that a form with this value shows. */
export function placesOf(spec: Spec, value: unknown, path: string): string[] {
  if (spec.kind === "object") {
    const shown = isObject(value) ? spec.members : [];
    return [
      path,
      ...shown.flatMap((m) => placesOf(m.spec, isObject(value) ? value[m.name] : undefined, memberPath(path, m.name))),
    ];
  }
  if (spec.kind === "list" && Array.isArray(value)) {
    return [path, ...value.flatMap((item, i) => placesOf(spec.item, item, memberPath(path, i)))];
  }
  return [path];
}

/** Members of the value that no field shows: they came from an earlier input or from the JSON tab, and are sent too. */
export function hiddenMembers(spec: Spec, value: unknown): string[] {
  if (spec.kind !== "object" || !isObject(value)) return [];
  return Object.keys(value).filter((name) => !spec.members.some((member) => member.name === name));
}

/** The text of a number field as a number. */
export function parseNumber(text: string, integer: boolean): { value?: number; problem?: string } {
  const trimmed = text.trim();
  if (trimmed === "") return {};
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed))
    return { problem: integer ? "Must be a whole number." : "Must be a number." };
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return { problem: "Is too large." };
  if (integer && !Number.isInteger(value)) return { problem: "Must be a whole number." };
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[.e]/i.test(trimmed)) {
    return { problem: "Has more digits than a browser can keep; start it with the command line." };
  }
  return { value };
}

/** A moment as a field of the browser writes it, in its own zone, and back. */
export function toLocalInput(value: unknown): string {
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) return "";
  const d = new Date(time);
  const pad = (n: number) => String(n).padStart(2, "0");
  return `${String(d.getFullYear()).padStart(4, "0")}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}T${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

export function fromLocalInput(text: string): string | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

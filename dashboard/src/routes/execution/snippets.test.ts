import { describe, expect, it } from "vitest";
import { executionId } from "@/test/factories/execution";
import {
  inputFile,
  jsLiteral,
  languages,
  longInput,
  pyLiteral,
  type SnippetOf,
  snippet,
  tasks,
  workerSnippet,
} from "./snippets";

const nasty = {
  quote: 'it\'s "quoted" `and` $HOME \\ done\nJSON\n',
  "a key": [1, -2.5, 1e21, true, false, null],
  empty: {},
  none: [],
  __proto__x: 1,
};
const of: SnippetOf = {
  baseURL: "http://127.0.0.1:7373",
  id: executionId,
  workflow: "order",
  input: nasty,
  metadata: { customer: "it's 1138" },
  priority: 5,
};

describe("every snippet", () => {
  it.each(languages.flatMap((language) => tasks.map((task) => [language, task] as const)))(
    "in %s to %s reads the key from the environment",
    (language, task) => {
      const text = snippet(language, task, of);
      expect(text).toContain(task === "start" ? "order" : executionId);
      expect(text).toContain("http://127.0.0.1:7373");
      if (language !== "cli") expect(text).toContain("SOJOURN_API_KEY");
      expect(text).not.toMatch(/undefined|\[object/);
    },
  );

  it.each(languages)("in %s reads a long input from a file", (language) => {
    const text = snippet(language, "start", { ...of, input: { text: "x".repeat(longInput) } });
    expect(text).toContain(inputFile);
    expect(text).not.toContain("xxxx");
    expect(text).toContain("1138");
  });
});

it("gives curl a body that is the start's", () => {
  const body =
    snippet("curl", "start", of)
      .split("<<'JSON'\n")[1]
      ?.replace(/\nJSON$/, "") ?? "";
  expect(JSON.parse(body)).toEqual({ workflow_id: "order", input: nasty, metadata: of.metadata, priority: 5 });
});

it("gives the shell one word for the input", () => {
  const text = snippet("cli", "start", of);
  const word = text.slice(text.indexOf("--input '") + "--input '".length, -1).replaceAll("'\\''", "'");
  expect(JSON.parse(word)).toEqual(nasty);
  expect(text).toContain("--metadata 'customer=it'\\''s 1138'");
});

it("gives Go a raw string without a backtick in it", () => {
  const text = snippet("go", "start", of);
  const raw = text.split("json.RawMessage(`")[1]?.split("`)")[0] ?? "";
  expect(JSON.parse(raw)).toEqual(nasty);
  expect(raw).not.toContain("`");
});

it("gives JavaScript a literal of the same value, whatever the names", () => {
  const value = JSON.parse('{"__proto__": {"a": 1}, "b": "\\"__proto__\\": x"}') as unknown;
  const read = new Function(`return ${jsLiteral(value)}`)() as unknown;
  expect(JSON.stringify(read)).toBe(JSON.stringify(value));
});

it("gives Python its own words", () => {
  expect(pyLiteral([true, false, null, "a\n", { k: [] }])).toBe(
    '[\n    True,\n    False,\n    None,\n    "a\\n",\n    {\n        "k": [],\n    },\n]',
  );
});

it("gives a worker for the workflow that lacks one", () => {
  for (const language of ["python", "typescript"] as const) {
    const text = workerSnippet(language, 'odd"name', "http://127.0.0.1:7373");
    expect(text).toContain('"odd\\"name"');
    expect(text).toContain("SOJOURN_BASE_URL=http://127.0.0.1:7373");
  }
});

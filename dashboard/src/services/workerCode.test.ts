import { describe, expect, it } from "vitest";
import { functionName, languages, startsWith, workerCode } from "./workerCode";

describe("workerCode", () => {
  it.each(languages)("names the workflow in %s, whatever is in the name", (language) => {
    expect(workerCode(language, "extract-invoice")).toContain('"extract-invoice"');
    expect(workerCode(language, 'a"b\\')).toContain('"a\\"b\\\\"');
  });
});

describe("functionName", () => {
  it.each([
    ["extract-invoice", "extract_invoice"],
    ["a.b--c", "a_b_c"],
    ["2fa", "run_2fa"],
    ["-", "run"],
  ])("%s becomes %s", (workflow, name) => expect(functionName(workflow)).toBe(name));
});

describe("startsWith", () => {
  it("says which server", () => {
    expect(startsWith("Go", "https://sojourn.example.com")).toContain("SOJOURN_BASE_URL=https://sojourn.example.com");
  });
});

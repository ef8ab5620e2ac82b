// What the page promises to its content security policy, and to whoever opens an address with a key in it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { onFragmentKey, takeFragmentKey } from "./fragment";
import { styleTextOnly } from "./policy";

const root = join(import.meta.dirname, "..");

afterEach(() => window.history.replaceState(null, "", "/"));

describe("the key behind the #", () => {
  it("is taken out of the address of the sign-in page", () => {
    window.history.replaceState(null, "", "/signin?to=%2Fkeys#sk_secret");
    expect(takeFragmentKey()).toBe("sk_secret");
    expect(window.location.href).not.toContain("sk_secret");
    expect(window.location.search).toBe("?to=%2Fkeys");
    expect(takeFragmentKey()).toBeUndefined();
  });

  it("is used once, also when it is pasted into a tab that shows the page already", () => {
    const used: string[] = [];
    const stop = onFragmentKey((key) => used.push(key));
    const paste = (key: string) => {
      window.history.replaceState(null, "", `/signin#${key}`);
      window.dispatchEvent(new Event("hashchange"));
    };
    paste("sk_one");
    expect(window.location.hash).toBe("");
    paste("sk_two");
    stop();
    expect(used).toEqual(["sk_one", "sk_two"]);
  });

  it("is looked for nowhere else", () => {
    window.history.replaceState(null, "", "/executions/exec_1#step-3");
    expect(takeFragmentKey()).toBeUndefined();
    expect(window.location.hash).toBe("#step-3");
  });

  it("is taken by the first module of the page", () => {
    const main = readFileSync(join(root, "main.tsx"), "utf8");
    expect(main.trimStart().startsWith('import "./services/fragment";')).toBe(true);
  });
});

describe("the policy for trusted types", () => {
  it("lets style sheets through, and nothing that can be markup", () => {
    expect(styleTextOnly(":root{--a: 1px;}")).toBe(":root{--a: 1px;}");
    expect(styleTextOnly("<img src=x onerror=alert(1)>")).toBeNull();
    expect(styleTextOnly("a<b")).toBeNull();
  });
});

describe("the sources", () => {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) && !name.endsWith(".gen.ts"),
  );

  it.each([
    [
      "text into HTML",
      /dangerouslySetInnerHTML|\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|createContextualFragment/,
    ],
    ["text into script", /\beval\(|new Function\(/],
    [
      "addresses of other machines",
      /\bhttps?:\/\/(?!(www\.)?w3\.org\/|127\.0\.0\.1|localhost|example\.(com|org)\b|\$\{)/,
    ],
  ])("never turn %s", (_, forbidden) => {
    expect(files.length).toBeGreaterThan(40);
    // Comments may name what code must not do.
    const code = (name: string) => readFileSync(join(root, name), "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, "");
    expect(files.filter((name) => forbidden.test(code(name)))).toEqual([]);
  });
});

import { expect, test } from "vitest";
import { clip } from "../src/internal/failure.js";
import { fnv1a, hex16 } from "../src/internal/fnv.js";
import { byteLength, keyText, validStepName, validWorkflowName } from "../src/internal/names.js";

test("hashes are those of the protocol", () => {
  const a = fnv1a("1-235g2xw6r8ghhnnwvrsedzycjt");
  const b = fnv1a("2-26ty5bp4f2x1zcjg62gwzbtgay");
  expect(hex16(a)).toBe("5c17c656bf71f00b");
  expect(hex16(b)).toBe("5174251e79b2c0aa");
  expect(hex16({ high: a.high ^ b.high, low: a.low ^ b.low })).toBe("0d63e348c6c330a1");
  expect(hex16(fnv1a('{"number":7}'))).toBe("20a8de7a483b7dcd");
});

test("keys and names are those of every SDK", () => {
  expect(keyText("c c")).toBe("c c");
  expect(keyText(7)).toBe("7");
  expect(keyText(true)).toBe("true");
  expect(keyText("x[1]#2")).toBe("1d3d3ac836c8da57");
  expect(keyText("")).toBe(hex16(fnv1a("")));
  expect(keyText({ number: 7 })).toBe("20a8de7a483b7dcd");
  expect(keyText("é".repeat(61))).toHaveLength(16);
  expect(validStepName("é".repeat(50))).toBe(true);
  expect(validStepName("é".repeat(51))).toBe(false);
  for (const bad of ["", "a#b", "a[b", "a\tb", "a\u00a0b", "\ud800"]) expect(validStepName(bad), bad).toBe(false);
  expect(validWorkflowName("a.b_c-1")).toBe(true);
  for (const bad of ["", "A", "-a", "executions", "a".repeat(101)]) expect(validWorkflowName(bad)).toBe(false);
});

test("texts are measured and cut in bytes, never inside a character", () => {
  for (const text of ["", "abc", "é", "☃", "😀", "a😀é☃"])
    expect(byteLength(text)).toBe(new TextEncoder().encode(text).length);
  expect(clip("abc", 3)).toBe("abc");
  expect(clip("a\ud800", 10)).toBe("a\ufffd");
  for (let most = 4; most < 40; most++) {
    const cut = clip("😀é☃a".repeat(10), most);
    expect(byteLength(cut)).toBeLessThanOrEqual(most);
    expect(cut).not.toMatch(/\p{Cs}/u);
  }
});

import { describe, expect, it } from "vitest";
import { ExactNumber, exactInteger, parseJSON } from "./exact";

describe("parseJSON", () => {
  it("keeps numbers that would be rounded, and writes them as they came", () => {
    for (const number of [
      "9007199254740993",
      "-12345678901234567890",
      "0.12345678901234567891",
      "1e400",
      "1E-400",
      "123456789012345678.5",
    ]) {
      const text = `{"a":[${number}],"b":1}`;
      const value = parseJSON(text) as { a: unknown[]; b: unknown };
      expect(value.a[0]).toEqual(new ExactNumber(number));
      expect(value.b).toBe(1);
      expect(JSON.stringify(value)).toBe(text);
      expect(String(value.a[0])).toBe(number);
    }
  });

  it("leaves all others to the browser", () => {
    for (const number of [
      "9007199254740992",
      "0.3333333333333333",
      "1.50",
      "1e2",
      "100000000000000000000",
      "1e100",
      "0e999",
    ]) {
      expect(parseJSON(`[${number}]`)).toEqual([Number(number)]);
    }
    expect(parseJSON('"12345678901234567890"')).toBe("12345678901234567890");
    expect(parseJSON('{"__proto__":12345678901234567890}')).toEqual(
      JSON.parse('{"__proto__":0}', (name, value: unknown) =>
        name === "__proto__" ? new ExactNumber("12345678901234567890") : value,
      ),
    );
    expect(() => parseJSON("[1234567890123456789")).toThrow(SyntaxError);
  });
});

describe("exactInteger", () => {
  it("is there for whole numbers of too many digits alone", () => {
    expect(exactInteger(" +0012345678901234567890 ")).toEqual(new ExactNumber("12345678901234567890"));
    expect(exactInteger("-9007199254740993")).toEqual(new ExactNumber("-9007199254740993"));
    for (const text of ["", "12", "9007199254740991", "1e400", "0.12345678901234567891", "many"]) {
      expect(exactInteger(text)).toBeUndefined();
    }
  });
});

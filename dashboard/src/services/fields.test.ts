import { describe, expect, it } from "vitest";
import { ApiError, type FieldError } from "./api";
import { besideFields, fieldError } from "./fields";

const refused = (...errors: FieldError[]) =>
  new ApiError({ status: 400, code: "invalid_request", detail: "no", errors });

describe("fieldError", () => {
  const error = refused({ field: "workflows[1]", code: "too_long", message: "must have at most 100 characters" });
  it("finds what is said about the field or a part of it", () => {
    expect(fieldError(error, "workflows")).toBe("Must have at most 100 characters.");
    expect(fieldError(error, "work")).toBeUndefined();
    expect(fieldError(new Error("x"), "workflows")).toBeUndefined();
  });
});

describe("besideFields", () => {
  it("is true for what no field of the form shows", () => {
    const error = refused({ field: "url", code: "required", message: "is missing" });
    expect(besideFields(error, ["url"])).toBe(false);
    expect(besideFields(error, ["events"])).toBe(true);
    expect(besideFields(refused(), ["url"])).toBe(true);
    expect(besideFields(new Error("x"), ["url"])).toBe(true);
    expect(besideFields(null, ["url"])).toBe(false);
  });
});

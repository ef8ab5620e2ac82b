import { describe, expect, it } from "vitest";
import { delivery } from "@/test/factories/admin";
import { bodyOf, outcomeOf, redeliverProblem } from "./webhooks";

describe("redeliverProblem", () => {
  it("lets through what has somewhere to go", () => {
    expect(redeliverProblem(delivery({ kind: "callback" }), undefined)).toBeUndefined();
    expect(redeliverProblem(delivery({ kind: "endpoint" }), { enabled: true })).toBeUndefined();
    expect(redeliverProblem(delivery({ kind: "test" }), { enabled: false })).toBeUndefined();
  });
  it("says what is in the way", () => {
    expect(redeliverProblem(delivery({ kind: "endpoint" }), { enabled: false })).toMatch(/disabled/);
    expect(redeliverProblem(delivery({ kind: "endpoint" }), null)).toMatch(/deleted/);
    const { url: _, ...redacted } = delivery({ kind: "callback" });
    expect(redeliverProblem(redacted, undefined)).toMatch(/redacted/);
  });
});

describe("bodyOf", () => {
  it("is JSON, a text, or nothing", () => {
    expect(bodyOf(delivery({ body: '{"a":1}' }))).toEqual({ json: { a: 1 } });
    expect(bodyOf(delivery({ body: "plain" }))).toEqual({ text: "plain" });
    expect(bodyOf(delivery({}))).toBeUndefined();
  });
});

describe("outcomeOf", () => {
  it("calls only 2xx a success", () => {
    const attempt = { at: "2026-11-22T12:00:00.000Z", duration_ms: 3 };
    expect(outcomeOf({ ...attempt, status: 204 })).toEqual({ text: "204", ok: true });
    expect(outcomeOf({ ...attempt, status: 302 })).toEqual({ text: "302", ok: false });
    expect(outcomeOf(attempt)).toEqual({ text: "no answer", ok: false });
  });
});

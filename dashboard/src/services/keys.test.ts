import { describe, expect, it } from "vitest";
import { expiryTime, grantable, keyState, presetOf, presets, rateProblem, rateText, scopesInWords } from "./keys";

const now = Date.parse("2026-11-22T12:00:00Z");

describe("presets", () => {
  it("are told apart by their scopes, in any order", () => {
    for (const preset of presets) expect(presetOf([...preset.scopes].reverse())).toBe(preset);
    expect(presetOf(["executions:read"])).toBeUndefined();
    expect(presetOf([])).toBeUndefined();
  });

  it("name the scopes of a key, or list them", () => {
    expect(scopesInWords(["workers:run"])).toBe("Worker");
    expect(scopesInWords(["admin", "executions:read"])).toBe("Everything");
    expect(scopesInWords(["executions:read", "executions:start"])).toBe("executions:read, executions:start");
  });
});

describe("grantable", () => {
  it("is what the own key has; admin grants all", () => {
    expect(grantable(["keys:manage", "executions:read"], "executions:read")).toBe(true);
    expect(grantable(["keys:manage", "executions:read"], "executions:start")).toBe(false);
    expect(grantable(["keys:manage"], "admin")).toBe(false);
    expect(grantable(["admin"], "workers:run")).toBe(true);
  });
});

describe("keyState", () => {
  it.each([
    [{}, "active"],
    [{ expires_at: "2027-11-22T12:00:00.000Z" }, "active"],
    [{ expires_at: "2026-11-25T12:00:00.000Z" }, "expiring"],
    [{ expires_at: "2026-11-22T12:00:00.000Z" }, "expired"],
    [{ expires_at: "2027-11-22T12:00:00.000Z", revoked_at: "2026-11-01T00:00:00.000Z" }, "revoked"],
  ])("%j is %s", (key, state) => expect(keyState(key, now)).toBe(state));
});

describe("expiryTime", () => {
  it("counts days from now, or takes the end of a day", () => {
    expect(expiryTime("never", "", now)).toBeUndefined();
    expect(expiryTime("30", "", now)).toBe("2026-12-22T12:00:00.000Z");
    expect(expiryTime("date", "2027-01-31", now)).toBe(new Date(2027, 0, 31, 23, 59, 59, 999).toISOString());
    expect(expiryTime("date", "", now)).toBeUndefined();
  });
});

describe("rates", () => {
  it.each(["", "  ", "10", "10/s", "600 / m", "3600/h", "0.5/s", "1/h"])("%j is a rate", (text) =>
    expect(rateProblem(text)).toBeUndefined(),
  );
  it.each(["fast", "10/d", "-1", "10/", "/s"])("%j is not written as one", (text) =>
    expect(rateProblem(text)).toMatch(/^Write it/),
  );
  it.each(["0", "0.5/h", "2000000/s"])("%j is out of range", (text) => expect(rateProblem(text)).toMatch(/^From/));
  it.each([
    [undefined, "none"],
    [0, "none"],
    [10, "10/s"],
    [1000, `${(1000).toLocaleString()}/s`],
    [0.5, "30/m"],
    [1 / 3600, "1/h"],
  ])("%j requests a second are %s", (rate, text) => expect(rateText(rate)).toBe(text));
});

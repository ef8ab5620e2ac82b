import { describe, expect, it } from "vitest";
import { describeRange, isMoment, readMoment, resolveMoment } from "./dates";

describe("moments", () => {
  it.each([
    "now()",
    "now()-7d",
    "now() - 7d + 2h",
    "2026-11-21",
    "2026-11-21T08:30",
    "2026-11-21T08:30:00Z",
    "2026-11-21T08:30:00.123456+01:00",
  ])("reads %s as the server does", (text) => expect(isMoment(text)).toBe(true));
  it.each(["", "now", "now()-7", "now()*2d", "7d", "2026-13-01", "2026-11-21T25:00Z", "yesterday"])(
    "refuses %j",
    (text) => expect(isMoment(text)).toBe(false),
  );

  it("understands a span as so long ago", () => {
    expect(readMoment("7d")).toBe("now()-7d");
    expect(readMoment("-15m")).toBe("now()-15m");
    expect(readMoment("soon")).toBeUndefined();
  });

  it("resolves them", () => {
    const now = Date.UTC(2026, 10, 22, 12);
    expect(resolveMoment("now()-1d+2h", now, false)).toBe(now - 22 * 3_600_000);
    expect(resolveMoment("2026-11-21", now, false)).toBe(Date.UTC(2026, 10, 21));
    expect(resolveMoment("2026-11-21", now, true)).toBe(Date.UTC(2026, 10, 22) - 1);
    expect(resolveMoment("2026-11-21T08:00", now, false)).toBe(Date.UTC(2026, 10, 21, 8));
    expect(resolveMoment("x", now, false)).toBeUndefined();
  });

  it("says a range in words", () => {
    expect(describeRange(undefined, undefined)).toBe("Any time");
    expect(describeRange("now()-7d", undefined)).toBe("Last 7 days");
    expect(describeRange("now()-3h", undefined)).toBe("Since 3 hours ago");
    expect(describeRange(undefined, "now()-1d")).toBe("Until 1 day ago");
    expect(describeRange("2026-11-21", "2026-11-21")).toBe("2026-11-21");
    expect(describeRange("2026-11-21T08:30:00.000Z", "now()")).toBe("2026-11-21 08:30Z to now");
  });
});

import { describe, expect, it } from "vitest";
import {
  bytesText,
  latencyText,
  mixedVersions,
  mostSamples,
  oldestOf,
  perSecondText,
  projectRows,
  withSample,
} from "./system";

const project = (name: string) => ({ id: `proj_${name}`, name, created_at: "2026-11-22T12:00:00.000Z" });
const queue = (name: string, pending: number, at?: string) => ({
  project: { id: `proj_${name}`, name },
  pending,
  ...(at ? { oldest_pending_at: at } : {}),
});

describe("projectRows", () => {
  it("joins both lists by id, in the order of names", () => {
    const rows = projectRows([project("shop"), project("billing")], [queue("shop", 3, "2026-11-22T11:00:00.000Z")]);
    expect(rows.map((row) => [row.name, row.pending])).toEqual([
      ["billing", undefined],
      ["shop", 3],
    ]);
    expect(rows[1]?.createdAt).toBe("2026-11-22T12:00:00.000Z");
  });
  it("keeps a project that only one of them has", () => {
    expect(projectRows([], [queue("new", 0)])).toHaveLength(1);
  });
});

describe("oldestOf", () => {
  it("is the earliest of all projects", () => {
    const queues = [
      queue("a", 1, "2026-11-22T11:00:00.000Z"),
      queue("b", 0),
      queue("c", 1, "2026-11-22T10:00:00.000Z"),
    ];
    expect(oldestOf(queues)).toBe("2026-11-22T10:00:00.000Z");
    expect(oldestOf([queue("b", 0)])).toBeUndefined();
  });
});

describe("mixedVersions", () => {
  const server = (version?: string) => ({
    name: "a",
    last_seen_at: "2026-11-22T12:00:00.000Z",
    self: false,
    ...(version ? { version } : {}),
  });
  it("notices another version, and one that is not told", () => {
    expect(mixedVersions([server("1.0.0"), server("1.0.0")])).toBe(false);
    expect(mixedVersions([server("1.0.0"), server("1.1.0")])).toBe(true);
    expect(mixedVersions([server("1.0.0"), server()])).toBe(true);
  });
});

describe("texts", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [64 * 1024 * 1024, "64 MiB"],
    [3 * 1024 ** 4, "3 TiB"],
    [5000 * 1024 ** 4, "5000 TiB"],
  ])("%d bytes are %s", (bytes, text) => expect(bytesText(bytes)).toBe(text));
  it.each([
    [0, "0"],
    [0.42, "0.4"],
    [12.34, "12.3"],
    [1234.5, (1235).toLocaleString()],
  ])("%d a second is %s", (rate, text) => expect(perSecondText(rate)).toBe(text));
  it.each([
    [undefined, "–"],
    [0.26, "0.3 ms"],
    [12.4, "12 ms"],
    [1234, "1.2 s"],
  ])("%s milliseconds are %s", (ms, text) => expect(latencyText(ms)).toBe(text));
});

describe("withSample", () => {
  it("forgets the oldest", () => {
    let samples: number[] = [];
    for (let i = 0; i <= mostSamples; i++) samples = withSample(samples, i);
    expect(samples).toHaveLength(mostSamples);
    expect(samples[0]).toBe(1);
  });
});

// The examples and the README's programs, run as they stand.
import { beforeEach, expect, inject, test, vi } from "vitest";

beforeEach(() => {
  const { url, key } = inject("server");
  vi.stubEnv("SOJOURN_BASE_URL", url);
  vi.stubEnv("SOJOURN_API_KEY", key);
  return () => vi.unstubAllEnvs();
});

async function said(run: () => Promise<unknown>): Promise<unknown[][]> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await run();
    return log.mock.calls;
  } finally {
    log.mockRestore();
  }
}

test("start", async () => {
  const lines = await said(() => import("../examples/start.js"));
  expect(lines[0]).toEqual([{ name: "Ada" }]);
  expect(lines[1]).toEqual(["created", ""]);
  expect(lines).toContainEqual(["completed", ""]);
  expect(lines.at(-2)).toEqual(["failed", expect.any(String)]);
  expect(lines.at(-1)).toEqual([expect.stringMatching(/^exec_/), "completed"]);
});

test("worker", async () => {
  expect(await said(() => import("../examples/worker.js"))).toEqual([[7, "receipt for 7 (charge)"]]);
});

test("approval", async () => {
  expect(await said(() => import("../examples/approval.js"))).toEqual([
    ["waiting", "manager"],
    [{ paid: 250, by: "Grace", comment: "go ahead" }],
  ]);
});

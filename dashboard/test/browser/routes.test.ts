// Every page, in both themes: no serious finding of axe, no report of the content security policy, no error.
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { beforeAll, describe, expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Pages and their titles. Those of executions follow. */
const pages: [path: string, title: RegExp][] = [
  ["/executions", /^Executions$/],
  ["/workflows", /^Workflows$/],
  ["/workflows/approval", /^approval/],
  ["/workflows/approval/start", /^Start/],
  ["/inbox", /^Inbox/],
  ["/workers", /^Workers/],
  ["/webhooks", /^Webhooks/],
  ["/keys", /^API keys/],
  ["/system", /^System/],
];
const ids: Record<string, string> = {};

beforeAll(async () => {
  await it.server.call("POST", "/v1/webhooks/endpoints", {
    url: "http://127.0.0.1:9/hook",
    description: "nobody listens",
  });
  for (const workflow of ["echo", "fail", "steps"]) {
    ids[workflow] = await it.server.start(workflow);
    await it.server.wait(ids[workflow]);
  }
  ids.approval = await it.server.start("approval", { question: "Ship it?" });
  await it.server.wait(ids.approval, "actionable");
  ids.sleep = await it.server.start("sleep", { seconds: 600 });
});

for (const theme of ["light", "dark"] as const) {
  describe(theme, () => {
    test("every page", async () => {
      const { page, watch, open } = await it.visit({ theme });
      const all = [...pages];
      for (const id of Object.values(ids)) all.push([`/executions/${id}`, /./]);
      for (const tab of ["events", "logs", "data", "deliveries"]) all.push([`/executions/${ids.fail}?tab=${tab}`, /./]);
      const findings: string[] = [];
      for (const [path, title] of all) {
        await open(path);
        await page.getByRole("heading", { level: 1, name: title }).waitFor();
        await page.evaluate(await axeSource());
        const result = await page.evaluate(() =>
          (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
        );
        for (const v of result.violations) {
          if (v.impact !== "serious" && v.impact !== "critical") continue;
          findings.push(
            `${theme} ${path}: ${v.id}: ${v.help}: ${v.nodes
              .map((n) => n.html)
              .slice(0, 3)
              .join(" | ")}`,
          );
        }
      }
      expect(findings).toEqual([]);
      isQuiet(watch);
    });
  });
}

async function axeSource(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return readFile(axe, "utf8");
}

// Every page, in both themes: no serious finding of axe, no report of the content security policy, no error.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { beforeAll, describe, expect, test } from "vitest";
import { inBrowser, isQuiet, type Visitor } from "./kit/browser";

const it = inBrowser();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The executions that the pages are about, by their workflow. */
const ids: Record<string, string> = {};
const workflows = ["echo", "fail", "steps", "approval", "sleep"];

/** Pages and their titles; {fail} is the id of the execution of that workflow. */
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
  ...workflows.map((name): [string, RegExp] => [`/executions/{${name}}`, new RegExp(`^${name}`)]),
  ...["events", "logs", "data", "deliveries"].map((tab): [string, RegExp] => [
    `/executions/{fail}?tab=${tab}`,
    /^fail/,
  ]),
];

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
    let visitor: Visitor;
    beforeAll(async () => {
      visitor = await it.visit({ theme, stays: true });
    });
    test.each(pages)("%s", async (path, title) => {
      const { page, watch, open } = visitor;
      await open(path.replace(/\{(\w+)\}/, (_, name: string) => ids[name] ?? ""));
      await page.getByRole("heading", { level: 1, name: title }).waitFor();
      await page.evaluate(axe);
      const result = await page.evaluate(() =>
        (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
      );
      const serious = result.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
      expect(
        serious.map(
          (v) =>
            `${v.id}: ${v.help}: ${v.nodes
              .map((n) => n.html)
              .slice(0, 3)
              .join(" | ")}`,
        ),
      ).toEqual([]);
      isQuiet(watch);
    });
  });
}

// A list over a million executions: how soon its rows are there, how soon others are, and how soon what happens is seen.
import { rmSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inBrowser, isQuiet } from "../kit/browser";
import { median, noteFirst, slowness, watchPaint } from "../kit/paint";
import { dataFolder, seed } from "../kit/seed";

const rows = 1_000_000;
const data = dataFolder();
beforeAll(async () => {
  expect((await seed(data, rows)).rows).toBe(rows);
});
afterAll(() => rmSync(data, { recursive: true, force: true }));
const it = inBrowser(data);

/** That rows of a filter are there: each has the text, and none is of the filter before. */
const allRows = (text: string) => {
  if (document.querySelector("[data-stale]")) return false;
  const shown = [...document.querySelectorAll("[data-row]")];
  return shown.length > 0 && shown.every((row) => row.textContent?.includes(text));
};

const inTable = (page: Page) => page.locator("[data-row]").first().waitFor();

// Another program on the machine can hold a page up: what is measured is measured again then.
const again = { retry: 5 };

test("the first rows are painted within a second of navigating", again, async () => {
  const { page, context, watch, open } = await it.visit();
  // Nothing of an earlier visit helps.
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.setCacheDisabled", { cacheDisabled: true });
  const first = await noteFirst(page, "[data-row]");
  const took: number[] = [];
  for (let i = 0; i < 7; i++) {
    await open("/executions");
    took.push(await first());
  }
  const { total } = await it.server.call<{ total: number }>("GET", "/v1/executions/counts");
  expect(total).toBeGreaterThanOrEqual(rows);
  console.log("first rows:", took.map(Math.round).join(" "), "ms");
  expect(median(took)).toBeLessThanOrEqual(1000 * (await slowness(page)));
  isQuiet(watch);
});

test("another filter shows its rows within 150 ms", again, async () => {
  const { page, watch, open } = await it.visit();
  const took: number[] = [];
  const measured = async (text: string, change: () => Promise<void>) => {
    const painted = await watchPaint(page, allRows, text);
    await change();
    const { at, input } = await painted();
    expect(input).toBeDefined();
    took.push(at - (input ?? 0));
  };
  const states = ["Failed", "Cancelled", "Rejected", "Pending"];
  for (const workflow of ["sync-customer", "send-invoice"]) {
    // None of these lists has been looked at before.
    await open("/executions");
    await inTable(page);
    await page.getByRole("combobox", { name: "Filter executions" }).fill(`workflow:${workflow}`);
    await measured(workflow, () => page.keyboard.press("Enter"));
    for (const state of states) {
      await measured(state, () =>
        page
          .getByRole("group", { name: "States" })
          .getByRole("button", { name: new RegExp(`^${state}`) })
          .click(),
      );
    }
    await open(`/executions?workflow=${workflow}`);
    await inTable(page);
    const label = page.getByRole("button", { name: /^customer\s*c\d+$/ }).first();
    await measured((await label.textContent()) ?? "", () => label.click());
  }
  console.log("rows of another filter:", took.map(Math.round).join(" "), "ms");
  expect(took).toHaveLength(12);
  expect(median(took)).toBeLessThanOrEqual(150 * (await slowness(page)));
  isQuiet(watch);
});

test("what happens is seen within 300 ms of its commit", again, async () => {
  const { page, watch, open } = await it.visit();
  await open("/executions?workflow=queued");
  await page.getByText("Live", { exact: true }).first().waitFor();
  const begun: number[] = [];
  for (let i = 0; i < 15; i++) {
    const before = await page.locator("[data-row]").count();
    const painted = await watchPaint(page, (n) => document.querySelectorAll("[data-row]").length > n, before);
    const id = await it.server.start("queued");
    const { clock } = await painted();
    expect(await page.locator(`[data-row="${id}"]`).count()).toBe(1);
    begun.push(clock - (await at(id, "created")));
  }
  const ended: number[] = [];
  for (let i = 0; i < 9; i++) {
    const id = await it.server.start("approval", { question: "Seen?" });
    await it.server.wait(id, "actionable");
    await open(`/executions/${id}`);
    await page.getByText("Live", { exact: true }).first().waitFor();
    const painted = await watchPaint(
      page,
      (text) => document.getElementById("content")?.textContent?.includes(text) ?? false,
      "It completed",
    );
    await it.server.call("POST", `/v1/executions/${id}/approve`, {});
    const { clock } = await painted();
    ended.push(clock - (await at(id, "completed")));
  }
  console.log("a new row:", begun.join(" "), "ms; an end:", ended.join(" "), "ms");
  const most = 300 * (await slowness(page));
  expect(median(begun)).toBeLessThanOrEqual(most);
  expect(median(ended)).toBeLessThanOrEqual(most);
  isQuiet(watch);
});

/** When the event of the type was committed, in milliseconds since the Unix epoch. */
async function at(id: string, type: string): Promise<number> {
  const { events } = await it.server.call<{ events: { type: string; at: string }[] }>(
    "GET",
    `/v1/executions/${id}?include=events`,
  );
  const event = events.find((each) => each.type === type);
  expect(event).toBeDefined();
  return Date.parse(event?.at ?? "");
}

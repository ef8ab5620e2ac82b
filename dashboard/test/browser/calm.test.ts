// A page that is left open costs the machine next to nothing.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { inBrowser, isQuiet, slow } from "./kit/browser";
import { holdStep } from "./kit/worker";

const it = inBrowser();

/** How many milliseconds of processor time the page's main thread takes per second, measured over five. */
async function workOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  // The thread's own time: what else the machine does at the moment does not count.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const read = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find((metric) => metric.name === "TaskDuration")?.value ?? Number.NaN;
  };
  const begun = performance.now();
  const before = await read();
  await page.waitForTimeout(5000); // the measure itself: what the page does while nobody does anything
  const worked = ((await read()) - before) * 1000;
  const passed = (performance.now() - begun) / 1000;
  await session.detach();
  return worked / passed;
}

test("the page of an execution that runs a step moves, and is hardly at work", async () => {
  const id = await holdStep(it.server, "long", "render");
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  const row = page.getByRole("row", { name: /render/ });
  await row.waitFor();
  // It may still be loading the first time.
  await expect.poll(() => workOf(page), { timeout: 30_000 }).toBeLessThan(50 * slow.rate);
  const text = await row.textContent();
  await expect.poll(() => row.textContent()).not.toBe(text);
  isQuiet(watch);
});

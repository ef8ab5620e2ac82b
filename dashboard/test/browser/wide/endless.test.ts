// What comes in eight hours, three or four events a second, comes in two minutes: 100,000 events pass by an open list and an
// open execution, and neither page holds on to them.
import type { CDPSession, Page } from "playwright-core";
import { expect, test } from "vitest";
import { inBrowser, isQuiet, type Visitor } from "../kit/browser";

const it = inBrowser();

const rounds = 10;
/** Events that come by in a round, at least. */
const perRound = 10_000;
/** Executions that are started together. Each has eight or nine events: progress may come with the step that it tells of. */
const together = 556;
const mib = 1 << 20;

declare global {
  interface Window {
    heard: number;
  }
}

/** Has the pages that are opened from now on count the events that reach them. */
async function listen(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.heard = 0;
    const count = () => {
      window.heard++;
    };
    const { addEventListener } = EventSource.prototype;
    EventSource.prototype.addEventListener = function (this: EventSource, ...args: [type: string, ...rest: never[]]) {
      addEventListener.apply(this, args as unknown as Parameters<typeof addEventListener>);
      if (args[0] !== "reset" && args[0] !== "end") addEventListener.call(this, args[0], count);
    } as typeof addEventListener;
  });
}

/** Bytes of the page's heap that are in use once all that can go has gone. */
async function heap(cdp: CDPSession): Promise<number> {
  for (let i = 0; i < 2; i++) await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  return usedSize;
}

/**
 * How much the least of the later rounds is above the least of the earlier ones. The first round, which fills what is always
 * kept, is left out. A heap has lumps of a MiB or two that come and go with what was drawn last; a leak stays.
 */
function growth(values: readonly number[]): number {
  const half = values.length / 2;
  return Math.min(...values.slice(half)) - Math.min(...values.slice(1, half));
}

const inMiB = (values: readonly number[]) => values.map((value) => (value / mib).toFixed(1)).join(" ");

async function opened(path: string): Promise<Visitor & { cdp: CDPSession }> {
  const visitor = await it.visit();
  await listen(visitor.page);
  await visitor.open(path);
  await visitor.page.getByText("Live", { exact: true }).first().waitFor();
  return { ...visitor, cdp: await visitor.context.newCDPSession(visitor.page) };
}

test("a stream of a hundred thousand events is not kept", async () => {
  const long = await begun();
  const list = await opened("/executions");
  const one = await opened(`/executions/${long.id}`);

  // An execution can have 10,000 events. The page keeps those, as it does when it is opened afterwards.
  await long.report(9_900);
  await one.page.getByRole("tab", { name: /^Events\s*9,90\d$/ }).waitFor();
  const drawn = () => one.page.getByRole("treegrid").getAttribute("aria-rowcount");
  await expect.poll(async () => Number(await drawn())).toBeGreaterThanOrEqual(9_900);

  const heaps: { list: number[]; one: number[] } = { list: [], one: [] };
  const heard = (page: Page) => page.evaluate(() => window.heard);
  const pages = [list.page, one.page];
  const before = await Promise.all(pages.map(heard));
  const passed = async () => {
    const now = await Promise.all(pages.map(heard));
    return Math.min(...now.map((n, i) => n - (before[i] ?? 0)));
  };
  let started = 0;
  for (let round = 1; round <= rounds; round++) {
    while ((await passed()) < round * perRound) {
      const executions = Array.from({ length: together }, () => ({ workflow_id: "steps", input: {} }));
      await it.server.call("POST", "/v1/executions/batch", { executions });
      started += together;
      // The list has caught up with what it heard.
      await list.page
        .getByRole("group", { name: "States" })
        .getByRole("button", { name: `Completed ${started.toLocaleString("en-US")}` })
        .waitFor();
    }
    heaps.list.push(await heap(list.cdp));
    heaps.one.push(await heap(one.cdp));
  }
  expect(await passed()).toBeGreaterThanOrEqual(100_000);
  await one.page.reload();
  await one.page.getByRole("treegrid").waitFor();
  await one.page.getByRole("tab", { name: /^Events\s*9,9\d\d$/ }).waitFor();
  const fresh = await heap(one.cdp);
  console.log(`list: ${inMiB(heaps.list)} MiB; execution: ${inMiB(heaps.one)} MiB, opened anew ${inMiB([fresh])} MiB`);
  for (const [page, values] of Object.entries(heaps)) {
    // Of 50,000 events each would take 200 bytes and more.
    expect(growth(values), `bytes that the page (${page}) grew by over the second half`).toBeLessThan(3 * mib);
  }
  // Who watched it all holds no more than who comes afterwards.
  expect(Math.min(...heaps.one.slice(rounds / 2)) - fresh).toBeLessThan(6 * mib);
  isQuiet(list.watch);
  isQuiet(one.watch);
});

/** An execution whose worker is the test. */
async function begun() {
  const worker = { protocol: 1, name: "browser test", capacity: 1, workflows: [{ name: "long" }] };
  const first = await it.server.call<{ session_id: string }>("POST", "/v1/worker/sessions", worker);
  await it.server.call("DELETE", `/v1/worker/sessions/${first.session_id}`);
  const id = await it.server.start("long");
  return {
    id,
    /** Completes so many steps, at once: a session without heartbeats does not live long. */
    report: async (steps: number) => {
      const { session_id } = await it.server.call<{ session_id: string }>("POST", "/v1/worker/sessions", worker);
      const { delivery, executions } = await it.server.call<{ delivery: number; executions: { lease: string }[] }>(
        "POST",
        "/v1/worker/poll",
        { session_id, wait_ms: 10_000 },
      );
      const lease = executions[0]?.lease;
      for (let first = 1; first <= steps; first += 900) {
        const operations = [];
        for (let i = first; i < Math.min(first + 900, steps + 1); i++) {
          operations.push({ id, lease, op: "step_completed", step: `page-${i}`, duration_ms: 5, output: { words: i } });
        }
        const { results } = await it.server.call<{ results: { ok: boolean }[] }>("POST", "/v1/worker/report", {
          session_id,
          received: delivery,
          operations,
        });
        expect(results.find((result) => !result.ok)).toBeUndefined();
      }
    },
  };
}

// The walk of a newcomer with a phone in the hand: nothing is wider than the screen, and all of it can be reached.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

const fits = async (page: Page) =>
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
    `${page.url()} is wider than the screen`,
  ).toBeLessThanOrEqual(0);

test("a phone starts, finds, decides and reads an execution", async () => {
  const { page, watch } = await it.visit({ width: 375 });
  await page.getByRole("heading", { level: 1, name: "Executions" }).waitFor();
  const go = async (place: RegExp) => {
    await page.getByRole("button", { name: "Open the navigation" }).click();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: place }).click();
  };
  await go(/^Workflows/);
  await page.getByRole("link", { name: /^approval/ }).click();
  await fits(page);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByLabel("question").fill("Ship it on Friday?");
  await fits(page);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/executions\/exec_/);
  const id = new URL(page.url()).pathname.split("/").pop() as string;
  await page.getByText("It waits for the approval", { exact: false }).waitFor();
  await fits(page);

  await go(/^Inbox/);
  await page.getByRole("link", { name: /Ship it on Friday\?/ }).click();
  await fits(page);
  await page.getByLabel("Comment").fill("no, on Monday");
  await page.getByRole("button", { name: /^Reject/ }).click();
  expect((await it.server.wait(id)).status).toBe("rejected");

  await go(/^Executions/);
  await page.locator(`[data-row="${id}"]`).getByRole("link").first().click();
  await page.getByText("no, on Monday").first().waitFor();
  await page
    .getByRole("row", { name: /manager/ })
    .first()
    .click();
  const step = page.getByRole("dialog");
  await step.getByText("How it ended").waitFor();
  await fits(page);
  await page.keyboard.press("Escape");
  await step.waitFor({ state: "detached" });
  for (const tab of ["Events", "Logs", "Data", "Webhooks"]) {
    await page.getByRole("tab", { name: new RegExp(`^${tab}`) }).click();
    await fits(page);
  }
  isQuiet(watch);
});

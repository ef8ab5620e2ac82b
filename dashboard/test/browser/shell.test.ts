// What stands around every page: how times and colours are shown, and the way out.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

const scheme = (page: Page) => page.locator("html").getAttribute("data-mantine-color-scheme");

test("times are shown as the person wants them, and stay so", async () => {
  const id = await it.server.start("echo");
  await it.server.wait(id);
  const { page, watch, open } = await it.visit();
  await open("/executions");
  const time = page.getByRole("table", { name: "Executions" }).locator("time").first();
  const choose = async (name: string) => {
    await page.getByRole("button", { name: /^How times are shown/ }).click();
    await page.getByRole("menuitemradio", { name }).click();
  };
  await expect.poll(() => time.textContent()).toMatch(/^(just now|\d+ s ago)$/);
  await choose("UTC");
  await expect.poll(() => time.textContent()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  await page.reload();
  await expect.poll(() => time.textContent()).toMatch(/Z$/);
  await choose("Local time");
  await expect.poll(() => time.textContent()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  // All of it on hover, whatever is chosen.
  await choose("Relative");
  await time.hover();
  expect(await time.getAttribute("title")).toMatch(/\d\d:\d\d:\d\d\.\d{3}Z$/);
  await time.click();
  await page.waitForURL((url) => url.pathname === `/executions/${id}`);
  isQuiet(watch);
});

test("light and dark by key and by menu, and as it was chosen after a reload", async () => {
  const { page, watch } = await it.visit({ theme: "light" });
  await page.getByRole("heading", { level: 1, name: "Executions" }).waitFor();
  expect(await scheme(page)).toBe("light");
  await page.keyboard.press("t");
  await expect.poll(() => scheme(page)).toBe("dark");
  await page.reload();
  await expect.poll(() => scheme(page)).toBe("dark");
  await page.getByRole("button", { name: "Light or dark" }).click();
  await page.getByRole("menuitemradio", { name: "As the system" }).click();
  await expect.poll(() => scheme(page)).toBe("light");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(() => scheme(page)).toBe("dark");
  isQuiet(watch);
});

test("who signs out is out, in every tab and on the way back", async () => {
  const { page, context, watch } = await it.visit();
  const other = await context.newPage();
  await other.goto(`${it.server.url}/workers`);
  await other.getByRole("heading", { level: 1, name: "Workers" }).waitFor();
  await page.getByRole("button", { name: /^Signed in with/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL((url) => url.pathname === "/signin");
  expect(await context.cookies()).toEqual([]);
  await page.goBack();
  await page.getByLabel("API key").waitFor();
  // The other tab notices by itself: what it follows has ended.
  await other.getByLabel("API key").waitFor();
  isQuiet(watch);
});

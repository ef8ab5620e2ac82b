// What a newcomer does, by mouse and by keyboard.
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

test("a key in the address signs in and leaves the address at once", async () => {
  const { page, watch } = await it.visit();
  expect(page.url()).not.toContain(it.server.key);
  expect(await page.evaluate(() => performance.getEntriesByType("navigation").length)).toBe(1);
  await page.getByRole("heading", { name: "Executions", exact: true }).waitFor();
  const cookies = await page.context().cookies();
  expect(cookies.map((c) => [c.name, c.httpOnly, c.secure, c.sameSite])).toEqual([
    ["__Host-sojourn", true, true, "Lax"],
  ]);
  isQuiet(watch);
});

test("a page asks who is there, and goes on where it was", async () => {
  const { page, watch, open } = await it.visit({ key: null });
  await open("/workers");
  await page.waitForURL((url) => url.pathname === "/signin");
  await page.getByLabel("API key").fill("not-a-key-of-anybody-012345");
  await page.keyboard.press("Enter");
  await page.getByText("The server does not know this key").waitFor();
  await page.getByLabel("API key").fill(it.server.key);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/workers");
  await page.getByRole("heading", { name: "Workers", exact: true }).waitFor();
  isQuiet(watch);
});

test("an execution is found, opened and watched to its end by keyboard", async () => {
  const id = await it.server.start("sleep", { seconds: 3 });
  const other = await it.server.start("echo", { name: "Ada" });
  const { page, watch } = await it.visit();
  await page.getByRole("heading", { name: "Executions", exact: true }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("workflow:sleep");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.search.includes("sleep"));
  await page.locator(`[data-row="${other}"]`).waitFor({ state: "detached" });
  await page.locator(`[data-row="${id}"]`).waitFor();
  await page.keyboard.press("Escape");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === `/executions/${id}`);
  await page.getByText("Completed").first().waitFor();
  isQuiet(watch);
});

test("an approval is given in the inbox, and its execution completes", async () => {
  const id = await it.server.start("approval", { question: "Ship it?" });
  await it.server.wait(id, "actionable");
  const { page, watch, open } = await it.visit();
  await open("/inbox");
  await page.getByText("Ship it?").first().waitFor();
  await page.getByRole("button", { name: /^Approve/ }).click();
  expect((await it.server.wait(id)).status).toBe("completed");
  isQuiet(watch);
});

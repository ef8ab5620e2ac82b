// What leads everywhere without a mouse: the palette behind Ctrl K, and the keys of pages.
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

test("the palette finds pages, workflows, executions and actions", async () => {
  const id = await it.server.start("echo", { name: "Ada" });
  await it.server.wait(id);
  const { page, watch } = await it.visit();
  await page.getByRole("heading", { level: 1, name: "Executions" }).waitFor();
  const field = page.getByPlaceholder("Go to a page or a workflow, or paste the id of an execution");
  const focused = () => expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
  const act = async (text: string, choice: string | RegExp, until?: () => Promise<unknown>) => {
    await page.keyboard.press("Control+k");
    await field.waitFor();
    await focused();
    await page.keyboard.type(text);
    await until?.();
    await page
      .getByRole("button", { name: choice })
      .or(page.getByRole("option", { name: choice }))
      .first()
      .waitFor();
    await page.keyboard.press("Enter");
    await field.waitFor({ state: "detached" });
  };
  await act("worke", /^Workers/);
  await page.waitForURL((url) => url.pathname === "/workers");
  await act(`see ${id} please`, `Open ${id}`);
  await page.waitForURL((url) => url.pathname === `/executions/${id}`);
  // What the server finds a moment later is chosen as well as what was there before.
  const found = page.waitForResponse((answer) => new URL(answer.url()).searchParams.get("search") === "approv");
  await act("start approv", "Start approval…", () => found);
  await page.waitForURL((url) => url.pathname === "/workflows/approval/start");
  await act("dark", "Dark appearance");
  await expect.poll(() => page.locator("html").getAttribute("data-mantine-color-scheme")).toBe("dark");
  // Nothing that is found says so, and Escape leaves everything as it was.
  await page.keyboard.press("Control+k");
  await focused();
  await page.keyboard.type("no such thing");
  await page.getByText("Nothing found.").waitFor();
  await page.keyboard.press("Escape");
  await field.waitFor({ state: "detached" });
  expect(new URL(page.url()).pathname).toBe("/workflows/approval/start");
  isQuiet(watch);
});

test("two keys lead to each page", async () => {
  const { page, watch } = await it.visit();
  await page.getByRole("heading", { level: 1, name: "Executions" }).waitFor();
  for (const [key, path] of Object.entries({ w: "workflows", a: "inbox", k: "workers", h: "webhooks", p: "keys" })) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.waitForURL((url) => url.pathname === `/${path}`);
  }
  isQuiet(watch);
});

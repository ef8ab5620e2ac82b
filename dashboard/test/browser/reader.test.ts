// A key for looking: its pages ask the server for nothing that it may not, and each action says which scope it lacks.
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();
const ids: Record<string, string> = {};
let key = "";

beforeAll(async () => {
  const made = await it.server.call<{ secret?: string; key?: string }>("POST", "/v1/keys", {
    name: "looks",
    scopes: ["executions:read", "workflows:read"],
  });
  key = made.secret ?? made.key ?? "";
  ids.echo = await it.server.start("echo", { name: "Ada" });
  await it.server.wait(ids.echo);
  ids.approval = await it.server.start("approval", { question: "Ship it?" });
  await it.server.wait(ids.approval, "actionable");
  ids.queued = await it.server.start("queued");
});

/** The buttons of the page by their names, those that cannot be pressed apart. */
async function actions(page: Page): Promise<{ on: string[]; off: string[] }> {
  const all = await page
    .locator("main button, main [role=menuitem], [role=menu] [role=menuitem]")
    .evaluateAll((buttons) =>
      buttons
        .filter((button) => (button as HTMLElement).offsetParent !== null)
        .map((button) => ({
          name: (button.getAttribute("aria-label") ?? button.textContent ?? "").trim(),
          off:
            button.getAttribute("aria-disabled") === "true" ||
            button.hasAttribute("data-disabled") ||
            (button as HTMLButtonElement).disabled === true,
        })),
    );
  return { on: all.filter((b) => !b.off).map((b) => b.name), off: all.filter((b) => b.off).map((b) => b.name) };
}

/** Verbs that change something. How a worker is started is only told. */
const changes =
  /^(Approve|Reject|Cancel|Start(?! a worker| one)|Save$|Send|Create|Make|Delete|Revoke|Terminate|Remove its)\b/;

test("every page can be read, and nothing in it can be changed", async () => {
  const { page, watch, open } = await it.visit({ key });
  const refused: string[] = [];
  const problems: string[] = [];
  page.on("response", (response) => {
    if (response.status() === 403) refused.push(response.url());
  });
  const pages: [path: string, off: RegExp[]][] = [
    ["/executions", []],
    [`/executions/${ids.echo}`, [/^Start again/]],
    [`/executions/${ids.approval}`, [/^Cancel/, /^Approve/, /^Reject/]],
    [`/executions/${ids.queued}`, [/^Cancel/]],
    ["/workflows", []],
    ["/workflows/echo", [/^Start$/, /^Save$/]],
    ["/workflows/echo/start", [/^Start$/]],
    ["/inbox", [/^Approve/, /^Reject/]],
    ["/workers", []],
    ["/webhooks", []],
    ["/keys", []],
    ["/system", []],
  ];
  for (const [path, off] of pages) {
    await open(path);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await page.locator("[class*=mantine-Skeleton-root]").first().waitFor({ state: "detached" });
    for (const name of off) await page.getByRole("button", { name }).first().waitFor();
    const found = await actions(page);
    for (const name of off)
      if (!found.off.some((each) => name.test(each))) problems.push(`${path}: ${name} is not off`);
    for (const name of found.on) if (changes.test(name)) problems.push(`${path}: ${name} is not off`);
  }
  expect(problems).toEqual([]);
  expect(refused).toEqual([]);
  isQuiet(watch);
});

test("what is off says why to the mouse and to the keyboard, and stays off", async () => {
  const { page, watch, open } = await it.visit({ key });
  await open(`/executions/${ids.queued}`);
  const cancel = page.getByRole("button", { name: "Cancel…" });
  await cancel.hover();
  await page.getByRole("tooltip").getByText("Your key lacks the scope executions:cancel.").waitFor();
  await cancel.focus();
  await page.keyboard.press("Enter");
  for (const key of ["c", "s", "a", "r"]) await page.keyboard.press(key);
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: /Terminate….*Your key lacks the scope executions:manage/ }).waitFor();
  expect((await actions(page)).on.filter((name) => changes.test(name))).toEqual([]);
  await page.keyboard.press("Escape");
  expect(await page.getByRole("dialog").count()).toBe(0);
  // What the key may not see is no link, and says so too.
  const keys = page.getByRole("navigation", { name: "Main" }).getByText("API keys");
  await keys.hover();
  await page.getByRole("tooltip").getByText("Your key lacks the scope keys:manage.").waitFor();
  expect((await it.server.call<{ status: string }>("GET", `/v1/executions/${ids.queued}`)).status).toBe("pending");
  isQuiet(watch);
});

test("what is selected cannot be cancelled", async () => {
  const { page, watch, open } = await it.visit({ key });
  await open("/executions?workflow=queued");
  await page.getByRole("checkbox", { name: "Select row 1", exact: true }).click();
  const cancel = page.getByRole("button", { name: /^Cancel 1 execution/ });
  expect(await cancel.getAttribute("aria-disabled")).toBe("true");
  isQuiet(watch);
});

// What people do with the list of executions: walk it by keys, keep filters as views, take its rows with them.
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { inBrowser, isQuiet, saved } from "./kit/browser";

const it = inBrowser();
const echoes: string[] = [];

beforeAll(async () => {
  for (const name of ["Ada", "Grace", "=1+1"]) {
    const id = await it.server.start("echo", { name }, { metadata: { name } });
    await it.server.wait(id);
    echoes.unshift(id);
  }
  await it.server.wait(await it.server.start("steps"));
});

/** The ids of the rows, as they stand. */
const rows = (page: Page) =>
  page
    .getByRole("table", { name: "Executions" })
    .locator("[data-row]")
    .evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset.row));

const menu = async (page: Page, button: RegExp, item: string) => {
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("menuitem", { name: item }).click();
};

test("a filter is saved as a view, opened, renamed and deleted", async () => {
  const { page, watch, open } = await it.visit();
  await open("/executions?workflow=echo");
  await expect.poll(() => rows(page)).toEqual(echoes);
  await menu(page, /^Views$/, "Save this filter as a view…");
  await page
    .getByRole("dialog")
    .getByLabel(/^Name of the view/)
    .fill("Greetings");
  await page.keyboard.press("Enter");
  await menu(page, /^Greetings$/, "Everything");
  await page.waitForURL((url) => !url.search.includes("echo"));
  await expect.poll(() => rows(page).then((all) => all.length)).toBe(4);
  // Another day, in the same browser.
  await page.reload();
  await menu(page, /^Views$/, "Greetings");
  await page.waitForURL((url) => url.searchParams.get("workflow")?.includes("echo") ?? false);
  await expect.poll(() => rows(page)).toEqual(echoes);

  await menu(page, /^Greetings$/, "Manage views…");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Rename Greetings" }).click();
  await dialog.getByLabel("New name").fill("Everything");
  await dialog.getByRole("button", { name: "Rename", exact: true }).click();
  await dialog.getByText(/name/i).and(dialog.locator("[role=alert], .mantine-InputWrapper-error")).waitFor();
  await dialog.getByLabel("New name").fill("Hellos");
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Start with Hellos" }).click();
  await page.keyboard.press("Escape");
  await open("/executions");
  await page.getByRole("button", { name: "Hellos", exact: true }).waitFor();
  await expect.poll(() => rows(page)).toEqual(echoes);

  await menu(page, /^Hellos$/, "Manage views…");
  await dialog.getByRole("button", { name: "Delete Hellos" }).click();
  await dialog.getByText("Hellos").waitFor({ state: "detached" });
  await open("/executions");
  await expect.poll(() => rows(page).then((all) => all.length)).toBe(4);
  isQuiet(watch);
});

test("the rows are saved as CSV and as JSON", async () => {
  const { page, watch, open } = await it.visit();
  await open("/executions?workflow=echo");
  await expect.poll(() => rows(page)).toEqual(echoes);
  const csv = await saved(page, () => menu(page, /^Export$/, "CSV, for spreadsheets"));
  expect(csv.name).toMatch(/^executions-\d{8}T\d{6}\.csv$/);
  const [head, ...lines] = csv.text.trimEnd().split("\r\n");
  expect(head?.split(",")[0]).toBe("id");
  expect(lines.map((line) => line.split(",")[0])).toEqual(echoes);
  // A formula to a spreadsheet is a text in the file.
  expect(lines[0]?.endsWith(",'=1+1")).toBe(true);
  const json = await saved(page, () => menu(page, /^Export$/, "JSON, as the API names it"));
  const parsed = JSON.parse(json.text) as { id: string; status: string; metadata: object }[];
  expect(parsed.map((row) => [row.id, row.status])).toEqual(echoes.map((id) => [id, "completed"]));
  expect(parsed[0]?.metadata).toEqual({ name: "=1+1" });
  isQuiet(watch);
});

test("the list is walked, chosen from and opened by keys, and `?` lists them", async () => {
  const { page, watch, open } = await it.visit();
  await open("/executions?workflow=echo");
  await expect.poll(() => rows(page)).toEqual(echoes);
  const focused = () =>
    page.evaluate(() => (document.activeElement?.closest("[data-row]") as HTMLElement | null)?.dataset.row);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  expect(await focused()).toBe(echoes[1]);
  await page.keyboard.press("k");
  expect(await focused()).toBe(echoes[0]);
  await page.keyboard.press("x");
  await page.getByText("1 selected").waitFor();
  await page.keyboard.press("x");
  await page.getByText("1 selected").waitFor({ state: "detached" });

  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  for (const said of ["Next row", "Row before", "Filter the list", "Search and act", "Show all shortcuts"]) {
    await help.getByText(said, { exact: true }).waitFor();
  }
  // Keys for the page do nothing while a dialog is open.
  await page.keyboard.press("j");
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });

  await page.keyboard.press("/");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Filter executions");
  await page.keyboard.type("jk?");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  for (let i = 0; i < 3; i++) await page.keyboard.press("Backspace");
  await page.keyboard.press("Escape");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press("k");
  await page.keyboard.press("o");
  await page.waitForURL((url) => url.pathname === `/executions/${echoes[0]}`);
  isQuiet(watch);
});

// A file on its way through the dashboard: into the form of a start, to a worker, and back to whoever downloads it.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";
import type { Execution } from "./kit/server";

const it = inBrowser();
const invoice = resolve("../examples/invoices/browser-us.pdf");

test("a workflow is started with a file, and the file is downloaded from its execution", async () => {
  const { page, watch, open } = await it.visit();
  await open("/workflows/extract-invoice/start");
  await page.getByRole("button", { name: "Upload a file" }).first().waitFor();
  await page.locator("input[type=file]").first().setInputFiles(invoice);
  await page.getByText("browser-us.pdf").waitFor();
  await page.getByRole("button", { name: /^Start$/ }).click();
  await page.waitForURL(/\/executions\/exec_/);
  const id = new URL(page.url()).pathname.split("/").pop() as string;
  const execution: Execution = await it.server.wait(id);
  expect([execution.status, execution.error]).toEqual(["completed", undefined]);
  await page.getByRole("tab", { name: "Data" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "browser-us.pdf" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("browser-us.pdf");
  expect(await readFile(await download.path())).toEqual(await readFile(invoice));
  isQuiet(watch);
});

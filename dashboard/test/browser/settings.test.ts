// The settings of a workflow, which everybody's starts obey.
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

interface Workflow {
  retention_ms?: number;
  timeout_ms?: number;
  api_trigger: boolean;
}

test("settings are checked, saved, and obeyed", async () => {
  const read = () => it.server.call<Workflow>("GET", "/v1/workflows/echo");
  const { page, watch, open } = await it.visit();
  await open("/workflows/echo");
  const retention = page.getByLabel("Keep finished executions for");
  const save = page.getByRole("button", { name: "Save", exact: true });
  await retention.fill("soon");
  await expect.poll(() => retention.getAttribute("aria-invalid")).toBe("true");
  expect(await save.getAttribute("aria-disabled")).toBe("true");
  await retention.fill("7d");
  await page.getByLabel("Deadline of executions").fill("1h 30m");
  await save.click();
  await page.getByText("The settings of echo were saved.").waitFor();
  expect(await read()).toMatchObject({ retention_ms: 7 * 86_400_000, timeout_ms: 5_400_000, api_trigger: true });

  // Closed, a workflow refuses starts and its pages say so.
  await page.getByLabel("May be started through the API").press("Space");
  await save.click();
  await page.getByText("closed to starts").waitFor();
  expect(await page.getByRole("button", { name: "Start", exact: true }).getAttribute("aria-disabled")).toBe("true");
  await expect(it.server.start("echo")).rejects.toThrow(/409|403|422|400/);
  await open("/workflows/echo/start");
  await page.getByText("echo is closed").waitFor();

  await open("/workflows/echo");
  await page.getByLabel("May be started through the API").press("Space");
  await retention.fill("");
  await save.click();
  await page.getByText("closed to starts").waitFor({ state: "detached" });
  expect((await read()).api_trigger).toBe(true);
  await it.server.wait(await it.server.start("echo"));
  isQuiet(watch);
});

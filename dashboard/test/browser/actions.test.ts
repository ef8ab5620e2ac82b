// What people do in the dashboard to executions, keys and webhooks, and what the server then says of it.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const dialog = (page: Page) => page.getByRole("dialog");

test("a workflow is started by its form, and its execution is shown", async () => {
  const { page, watch, open } = await it.visit();
  await open("/workflows");
  await page.getByRole("link", { name: /^steps/ }).click();
  await page
    .getByRole("link", { name: /^Start/ })
    .or(button(page, /^Start/))
    .first()
    .click();
  await page.waitForURL((url) => url.pathname === "/workflows/steps/start");
  await page.getByLabel("number").fill("21");
  await button(page, /^Start$/).click();
  await page.waitForURL(/\/executions\/exec_/);
  const id = new URL(page.url()).pathname.split("/").pop() as string;
  const execution = await it.server.wait(id);
  expect([execution.status, execution.input]).toEqual(["completed", { number: 21 }]);
  await page.getByText("It completed", { exact: false }).waitFor();
  // The same again, as the page offers.
  await page.getByRole("link", { name: "Start again with this input" }).click();
  await page.waitForURL((url) => url.searchParams.get("from") === id);
  await expect.poll(() => page.getByLabel("number").inputValue()).toBe("21");
  isQuiet(watch);
});

test("an input that the schema refuses is said at its field, and starts nothing", async () => {
  const before = await it.server.call<{ total: number }>("GET", "/v1/executions/counts?workflow_id=steps");
  const { page, watch, open } = await it.visit();
  await open("/workflows/steps/start");
  await page.getByRole("tab", { name: "JSON" }).click();
  await page.getByLabel("Input as JSON").fill('{"number":"many"}');
  await button(page, /^Start$/).click();
  await page
    .getByText(/number/i)
    .and(page.locator("[role=alert], [role=alert] *"))
    .first()
    .waitFor();
  const after = await it.server.call<{ total: number }>("GET", "/v1/executions/counts?workflow_id=steps");
  expect(after.total).toBe(before.total);
  isQuiet(watch);
});

test("an execution is cancelled by key and by dialog, with the reason kept", async () => {
  const id = await it.server.start("queued");
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await button(page, "Cancel…").waitFor();
  await page.keyboard.press("c");
  await dialog(page).getByLabel("Reason").fill("no longer wanted");
  await page.keyboard.press("Enter");
  await page.getByText("The execution is cancelled.").waitFor();
  const execution = await it.server.wait(id);
  expect([execution.status, execution.error]).toEqual(["cancelled", expect.stringContaining("no longer wanted")]);
  isQuiet(watch);
});

test("all that match are cancelled, and no others", async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => it.server.start("queued")));
  const other = await it.server.start("approval");
  await it.server.wait(other, "actionable");
  const { page, watch, open } = await it.visit();
  await open("/executions?workflow=queued&status=pending");
  await page.getByRole("checkbox", { name: "Select row 1", exact: true }).click();
  await button(page, "Select all that match").click();
  await button(page, "Cancel all that match…").click();
  await dialog(page)
    .getByRole("button", { name: /^Cancel/ })
    .click();
  for (const id of ids) expect((await it.server.wait(id)).status).toBe("cancelled");
  expect((await it.server.call<{ status: string }>("GET", `/v1/executions/${other}`)).status).toBe("waiting");
  isQuiet(watch);
});

test("a signal that is awaited is sent, and a link for an approver is made once", async () => {
  const id = await it.server.start("approval");
  await it.server.wait(id, "actionable");
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await button(page, "More actions").click();
  await page.getByRole("menuitem", { name: /approval link/i }).click();
  await dialog(page)
    .getByRole("button", { name: /^(Create|Make)/ })
    .click();
  const link = dialog(page)
    .getByText(/\/approvals\//)
    .first();
  await link.waitFor();
  expect((await fetch(((await link.textContent()) ?? "").trim())).status).toBe(200);
  await page.keyboard.press("Escape");
  await it.server.call("POST", `/v1/executions/${id}/reject`, { name: "manager" });
  await page.getByText("Rejected").first().waitFor();
  isQuiet(watch);
});

test("a key is made, shown once, signs in to look only, and ends when it is revoked", async () => {
  const { page, watch, open } = await it.visit();
  await open("/keys");
  await button(page, "Create a key").first().click();
  await dialog(page).getByLabel("Name").fill("only-looks");
  await dialog(page)
    .getByRole("button", { name: /read only|look/i })
    .first()
    .click();
  await dialog(page).getByRole("button", { name: "Create the key" }).click();
  await page.getByText("Shown only now").waitFor();
  const shown = dialog(page)
    .getByText(/^sjn_live_/)
    .first();
  const secret = ((await shown.textContent()) ?? "").trim();
  await page.getByLabel("I have stored it").click();
  await button(page, "Done").click();
  await page.getByText("only-looks").first().waitFor();
  expect(await page.content()).not.toContain(secret);

  const id = await it.server.start("queued");
  const reader = await it.visit({ key: secret });
  await reader.open(`/executions/${id}`);
  const cancel = button(reader.page, "Cancel…");
  await cancel.waitFor();
  expect(
    await cancel.isDisabled().then(async (off) => off || (await cancel.getAttribute("aria-disabled")) === "true"),
  ).toBe(true);

  await button(page, "Revoke only-looks").click();
  await dialog(page)
    .getByRole("button", { name: /^Revoke/ })
    .click();
  await dialog(page).waitFor({ state: "detached" });
  const refused = await fetch(`${it.server.url}/v1/info`, { headers: { authorization: `Bearer ${secret}` } });
  expect(refused.status).toBe(401);
  await reader.page.reload();
  await reader.page.waitForURL((url) => url.pathname === "/signin");
  isQuiet(watch);
  isQuiet(reader.watch);
});

test("a webhook endpoint is made, tested and deleted", async () => {
  const { page, watch, open } = await it.visit();
  await open("/webhooks");
  await button(page, "Create an endpoint").first().click();
  await dialog(page).getByLabel("URL").fill("http://127.0.0.1:9/hook");
  await dialog(page).getByRole("button", { name: "Create the endpoint" }).click();
  await page.getByText("Shown only now").waitFor();
  await page.getByLabel("I have stored it").click();
  await button(page, "Done").click();
  if (!page.url().includes("/endpoints/"))
    await page
      .getByRole("link", { name: /127\.0\.0\.1:9/ })
      .first()
      .click();
  await page.waitForURL(/\/webhooks\/endpoints\/wh_/);
  const id = new URL(page.url()).pathname.split("/").pop() as string;
  await button(page, "Send a test").click();
  await page.getByText("The test message is on its way.").waitFor();
  const sent = await it.server.call<{ data: { kind: string }[] }>("GET", `/v1/webhooks/deliveries?endpoint_id=${id}`);
  expect(sent.data.map((d) => d.kind)).toEqual(["test"]);
  // The page of the message says how it went, and leads back.
  await page.waitForURL(/\/webhooks\/deliveries\/evt_/);
  await page.getByText("connection refused").waitFor();
  await page.getByRole("link", { name: "a test of the endpoint" }).click();
  await button(page, "Delete").click();
  await dialog(page).getByRole("button", { name: "Delete the endpoint" }).click();
  await page.waitForURL((url) => url.pathname === "/webhooks");
  const left = await it.server.call<{ data: { id: string }[] }>("GET", "/v1/webhooks/endpoints");
  expect(left.data.map((e) => e.id)).not.toContain(id);
  isQuiet(watch);
});

// A server that goes away and comes back: the page says so, keeps what it shows, and goes on by itself.
import { expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

test("the page says that it is cut off, and catches up", async () => {
  const { server } = it;
  const id = await server.start("queued");
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await page.getByRole("heading", { level: 1, name: "queued" }).waitFor();
  const mark = page.getByRole("banner").getByRole("button", { name: /^(Live|Connecting|Reconnecting|Paused)$/ });
  await expect.poll(() => mark.textContent()).toBe("Live");
  await server.pause();
  await expect.poll(() => mark.textContent(), { timeout: 10_000 }).toBe("Reconnecting");
  await page.getByRole("heading", { level: 1, name: "queued" }).waitFor();
  await server.resume();
  await server.call("POST", `/v1/executions/${id}/cancel`, { reason: "while nobody looked" });
  await page.getByText("while nobody looked").first().waitFor();
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
  // An execution that has ended has nothing to follow; the list has.
  await page.getByRole("link", { name: "Executions", exact: true }).first().click();
  await expect.poll(() => mark.textContent()).toBe("Live");
  // The connection was refused meanwhile, and the browser says that on its console.
  isQuiet({ ...watch, errors: watch.errors.filter((error) => !error.includes("net::ERR_")) });
});

test("the stream is paused and taken up by hand", async () => {
  const { page, watch, open } = await it.visit();
  await open("/executions?workflow=echo");
  const mark = page.getByRole("banner").getByRole("button", { name: /^(Live|Connecting|Reconnecting|Paused)$/ });
  await expect.poll(() => mark.textContent()).toBe("Live");
  await mark.click();
  await expect.poll(() => mark.textContent()).toBe("Paused");
  const id = await it.server.start("echo");
  await it.server.wait(id);
  const row = page.locator(`[data-row="${id}"]`);
  expect(await row.count()).toBe(0);
  await mark.click();
  await row.waitFor();
  isQuiet(watch);
});

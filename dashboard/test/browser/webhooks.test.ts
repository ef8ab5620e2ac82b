// What webhooks bring to a receiver, sending them again, and the secrets that sign them.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();
let receiver: Server;
/** What the receiver answers next. */
let status = 503;
const got: { id: string; body: string }[] = [];
let url = "";

beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      got.push({ id: String(request.headers["webhook-id"]), body });
      response.writeHead(status).end(status === 503 ? "not now" : "thanks");
    });
  });
  await new Promise<void>((up) => receiver.listen(0, "127.0.0.1", up));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});

afterAll(() => new Promise((down) => receiver.close(down)));

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });

test("a delivery that failed is sent now, and once more when it was accepted", async () => {
  await it.server.call("POST", "/v1/webhooks/endpoints", { url });
  const id = await it.server.start("echo", { name: "Ada" });
  await it.server.wait(id);
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}?tab=deliveries`);
  await page.getByText("503").first().waitFor();
  await open("/webhooks?part=deliveries");
  await page
    .getByRole("link", { name: /completed/ })
    .first()
    .click();
  await page.waitForURL(/\/webhooks\/deliveries\/evt_/);
  await page.getByText("not now").first().waitFor();
  status = 200;
  await button(page, /^Send it (now|again)$/).click();
  await page.getByText("The receiver answered 2xx.").first().waitFor();
  await button(page, "Send it again").waitFor();
  // The server may have tried again by itself meanwhile.
  const before = got.length;
  await button(page, "Send it again").click();
  await expect.poll(() => got.length).toBe(before + 1);
  await page.getByText(`${before + 1} attempts`).waitFor();
  // All of them are one message to the receiver.
  expect(new Set(got.map((each) => each.id))).toEqual(new Set([new URL(page.url()).pathname.split("/").pop()]));
  expect(JSON.parse(got[before]?.body ?? "")).toMatchObject({ type: "execution.completed" });
  isQuiet(watch);
});

test("the secret of callbacks is shown when asked for, and replaced", async () => {
  const { page, watch, open } = await it.visit();
  await open("/webhooks");
  await page.getByRole("tab", { name: "Callback secret" }).click();
  await button(page, "Show the secret").waitFor();
  expect(await page.getByText(/^whsec_/).count()).toBe(0);
  await button(page, "Show the secret").click();
  const shown = page.getByRole("group", { name: "secret", exact: true });
  await shown.waitFor();
  const secrets = async () =>
    (await it.server.call<{ secrets: { secret: string }[] }>("GET", "/v1/webhooks/callback-secret")).secrets.map(
      (each) => each.secret,
    );
  const [first] = await secrets();
  expect(await shown.textContent()).toBe(first);
  await button(page, "Hide").click();
  await shown.waitFor({ state: "detached" });
  await button(page, "Make a new one").click();
  await page.getByRole("dialog").getByRole("button", { name: "Make a new secret" }).click();
  await page.getByText("Signs beside it").waitFor();
  const both = await secrets();
  expect([both.length, both[1]]).toEqual([2, first]);
  expect(await shown.allTextContents()).toEqual(both);
  isQuiet(watch);
});

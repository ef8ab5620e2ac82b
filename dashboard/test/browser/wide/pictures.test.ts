// Pictures of every page with real data, in both themes, on a screen and on a phone, for people to look at: they are in
// bin/screenshots. What needs no eyes is held here: nothing is wider than the page, and nothing is said on the console.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server as HTTPServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { inBrowser, isQuiet } from "../kit/browser";

const it = inBrowser();
const root = resolve("..");
const folder = join(root, "bin/screenshots");

/** The pages by the names of their pictures. All routes of the dashboard are among them. */
const pages: Record<string, string> = {};
let receiver: HTTPServer;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  receiver = createServer((request, answer) => {
    request.resume();
    const fine = request.url !== "/broken";
    answer.writeHead(fine ? 204 : 500, fine ? {} : { "content-type": "text/plain" });
    answer.end(fine ? undefined : "the receiver is being repaired");
  });
  await new Promise<void>((up) => receiver.listen(0, "127.0.0.1", up));
  const address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  await fill(address);
});
afterAll(() => new Promise<void>((closed) => receiver.close(() => closed())));

/** Gives the server something of everything. */
async function fill(address: string): Promise<void> {
  const { call, start, wait } = it.server;
  const endpoint = (path: string, description: string) =>
    call<{ id: string }>("POST", "/v1/webhooks/endpoints", {
      url: address + path,
      description,
      events: ["terminal"],
      workflows: ["echo", "fail", "steps"],
    });
  const works = await endpoint("/orders", "Tells the shop what became of its orders");
  await endpoint("/broken", "");
  await call("POST", "/v1/keys", { name: "ann", scopes: ["executions:read", "workflows:read", "executions:approve"] });
  await call("POST", "/v1/keys", {
    name: "nightly import",
    scopes: ["executions:start", "files:write"],
    rate_limit: "10/s",
    expires_at: new Date(Date.now() + 30 * 86_400_000).toISOString(),
  });
  const spare = await call<{ id: string }>("POST", "/v1/keys", { name: "old laptop", scopes: ["workers:run"] });
  await call("DELETE", `/v1/keys/${spare.id}`);

  const ended: string[] = [];
  for (let i = 0; i < 12; i++) {
    const metadata = { customer: String(1138 + i), region: i % 2 ? "eu-west-1" : "us-east-1" };
    ended.push(await start("echo", { name: "Ada" }, { metadata }), await start("steps", { number: i }));
  }
  const failed = await start("fail", {}, { metadata: { customer: "1138" } });
  const form = new FormData();
  const pdf = readFileSync(join(root, "examples/invoices/browser-us.pdf"));
  form.append("file", new Blob([pdf], { type: "application/pdf" }), "browser-us.pdf");
  const uploaded = await fetch(`${it.server.url}/v1/files`, {
    method: "POST",
    headers: { authorization: `Bearer ${it.server.key}` },
    body: form,
  });
  expect(uploaded.status).toBe(201);
  const { id: fileId } = (await uploaded.json()) as { id: string };
  const invoice = await start("extract-invoice", { document: { fileId } }, { metadata: { customer: "1138" } });
  const text = readFileSync(join(root, "examples/texts/newton-opticks.txt"), "utf8");
  const summary = await start("summarize", { text });
  for (const id of [...ended, failed, invoice, summary]) await wait(id);

  const approval = await start("approval", { question: "Ship order 1138 to Lisbon?" });
  const declined = await start("approval", { question: "Pay 12,000.00 EUR to Example Ltd?" });
  const open = await start("approval", { question: "May the old index be removed?", timeout_seconds: 7200 });
  for (const id of [approval, declined, open]) await wait(id, "actionable");
  await call("POST", `/v1/executions/${declined}/reject`, { by: "Ann", comment: "over the budget of this quarter" });
  await wait(declined);
  const cancelled = await start("queued", {}, { metadata: { customer: "1140" } });
  await call("POST", `/v1/executions/${cancelled}/cancel`, { reason: "ordered twice" });
  const queued = await start("queued", {}, { metadata: { customer: "1141" } });
  const running = await start("sleep", { seconds: 3600 });
  await start("echo", {}, { start_at: new Date(Date.now() + 3_600_000).toISOString() });
  const soon = { timeout: 20_000, interval: 100 };
  await vi.waitUntil(
    async () => (await call<{ progress?: number }>("GET", `/v1/executions/${running}`)).progress !== undefined,
    soon,
  );

  type Deliveries = { data: { id: string; state: string; endpoint_id?: string; attempts?: number }[] };
  const deliveries = async () => (await call<Deliveries>("GET", "/v1/webhooks/deliveries?limit=100")).data;
  await vi.waitUntil(async () => (await deliveries()).some((each) => each.state === "delivered"), soon);
  const tried = (await deliveries()).find((each) => each.state !== "delivered");
  expect(tried).toBeDefined();

  Object.assign(pages, {
    executions: "/executions",
    "executions-filtered": "/executions?status=completed&workflow=echo&metadata.region=eu-west-1",
    "executions-nothing": "/executions?workflow=nobody",
    "execution-invoice": `/executions/${invoice}`,
    "execution-invoice-data": `/executions/${invoice}?tab=data`,
    "execution-invoice-logs": `/executions/${invoice}?tab=logs`,
    "execution-failed": `/executions/${failed}`,
    "execution-failed-step": `/executions/${failed}?step=break`,
    "execution-failed-events": `/executions/${failed}?tab=events`,
    "execution-failed-deliveries": `/executions/${failed}?tab=deliveries`,
    "execution-approval": `/executions/${approval}`,
    "execution-rejected": `/executions/${declined}`,
    "execution-running": `/executions/${running}`,
    "execution-queued": `/executions/${queued}`,
    workflows: "/workflows",
    workflow: "/workflows/steps",
    "workflow-start": "/workflows/extract-invoice/start",
    inbox: "/inbox",
    workers: "/workers",
    webhooks: "/webhooks",
    "webhooks-deliveries": "/webhooks?part=deliveries",
    "webhooks-callbacks": "/webhooks?part=callbacks",
    endpoint: `/webhooks/endpoints/${works.id}`,
    delivery: `/webhooks/deliveries/${tried?.id}`,
    keys: "/keys",
    system: "/system",
    lost: "/executions/exec_00000000000000000000000000",
  });
}

test("no route is without a picture", () => {
  const source = readFileSync("pages.go", "utf8");
  const routes = [...source.matchAll(/^\t"(\/\S*)",$/gm)].map((match) => match[1] as string);
  expect(routes).toContain("/executions/{id}");
  const paths = ["/signin", ...Object.values(pages).map((path) => path.replace(/\?.*/, ""))];
  const without = routes.filter((route) => {
    const like = new RegExp(`^${route.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    // "/" leads to the executions.
    return route !== "/" && !paths.some((path) => like.test(path));
  });
  expect(without).toEqual([]);
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [1280, 375]) {
    describe(`${theme}, ${width} px`, () => {
      test("every page", async () => {
        const nobody = await it.visit({ theme, width, key: null });
        await nobody.open("/signin");
        await nobody.page.getByLabel("API key").waitFor();
        const wrong = await judged(nobody.page, theme, width, "signin");
        isQuiet(nobody.watch);
        const { page, watch, open } = await it.visit({ theme, width });
        for (const [name, path] of Object.entries(pages)) {
          await open(path);
          await page.getByRole("heading", { level: 1 }).waitFor();
          wrong.push(...(await judged(page, theme, width, name)));
        }
        if (width === 1280) await forReadme(page, open, theme);
        expect(wrong).toEqual([]);
        isQuiet(watch);
      });
    });
  }
}

/** Takes the pictures that the README shows; docs/images has copies of them. */
async function forReadme(page: Page, open: (path: string) => Promise<void>, theme: string): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 720 });
  for (const [name, path] of [
    ["executions", pages.executions],
    ["execution", pages["execution-invoice"]],
  ] as const) {
    await open(path as string);
    await loaded(page);
    await page.screenshot({ path: join(folder, `readme-${name}-${theme}.png`), animations: "disabled" });
  }
}

/** Waits until nothing of a page is on its way. */
const loaded = (page: Page) =>
  page.waitForFunction(
    () => document.fonts.status === "loaded" && !document.querySelector('[aria-label^="Loading"], [aria-busy="true"]'),
  );

/** Takes the picture of a page that is loaded, and tells what is too wide in it. */
async function judged(page: Page, theme: string, width: number, name: string): Promise<string[]> {
  await loaded(page);
  await page.screenshot({
    path: join(folder, `${name}-${theme}-${width}.png`),
    fullPage: true,
    animations: "disabled",
  });
  return page.evaluate((name) => {
    const wrong: string[] = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) wrong.push(`${name}: the page is ${scrollWidth - clientWidth} px too wide`);
    if (clientWidth < 1000) return wrong;
    // A screen has room for what stands in one line: only text that is shown as it is may scroll sideways.
    for (const element of document.querySelectorAll<HTMLElement>("#content *")) {
      const { overflowX } = getComputedStyle(element);
      if (overflowX !== "auto" && overflowX !== "scroll") continue;
      if (element.scrollWidth <= element.clientWidth + 1 || element.closest("pre, [class*=code], [class*=json]"))
        continue;
      wrong.push(`${name}: ${element.className} is ${element.scrollWidth - element.clientWidth} px too wide`);
    }
    return wrong;
  }, name);
}

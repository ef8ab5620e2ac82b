// What people do on the page of one execution, beside what actions.test.ts has: signals, an end by force, links and code.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copied, inBrowser, isQuiet } from "./kit/browser";
import type { Execution } from "./kit/server";
import { openTerminal, type Terminal } from "./kit/terminal";

const it = inBrowser();
let terminal: Terminal;
let done: string;

beforeAll(async () => {
  done = await it.server.start("steps", { number: 4 }, { metadata: { order: "it's 7" }, priority: 3 });
  await it.server.wait(done);
  terminal = await openTerminal(it.server);
});

afterAll(() => terminal?.close());

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name });
const dialog = (page: Page) => page.getByRole("dialog");
const more = async (page: Page, item: string) => {
  await button(page, "More actions").click();
  await page.getByRole("menuitem", { name: item }).click();
};

test("a signal is sent by key, with a payload, and broken JSON is not", async () => {
  const id = await it.server.start("queued");
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await button(page, "Cancel…").waitFor();
  await page.keyboard.press("s");
  await dialog(page).getByLabel("Name").fill("paid");
  await dialog(page).getByLabel("Payload").fill("{amount: 12}");
  await dialog(page).getByText("This is not JSON").waitFor();
  expect(await button(page, "Send the signal").isDisabled()).toBe(true);
  await dialog(page).getByLabel("Payload").fill('{"amount": 12}');
  await button(page, "Send the signal").click();
  await page.getByText("The signal “paid” is stored.").waitFor();
  await page.keyboard.press("2");
  await page.waitForURL((url) => url.searchParams.get("tab") === "events");
  await page.getByText("paid").first().waitFor();
  const events = await (
    await fetch(`${it.server.url}/v1/executions/${id}/events`, {
      headers: { authorization: `Bearer ${it.server.key}`, accept: "application/json" },
    })
  ).json();
  expect(events.data).toContainEqual(expect.objectContaining({ type: "signalled", name: "paid" }));
  isQuiet(watch);
});

test("an execution is terminated from the menu, and cannot be a second time", async () => {
  const id = await it.server.start("queued");
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await more(page, "Terminate…");
  await dialog(page).getByLabel("Reason").fill("stuck");
  await button(page, "Terminate the execution").click();
  await page.getByText("The execution was ended.").waitFor();
  expect(await it.server.wait(id)).toMatchObject({ status: "cancelled", error: expect.stringContaining("stuck") });
  await button(page, "Cancel…").waitFor({ state: "detached" });
  await button(page, "More actions").click();
  await page.getByRole("menuitem", { name: "Delete…" }).waitFor();
  expect(await page.getByRole("menuitem", { name: "Terminate…" }).count()).toBe(0);
  isQuiet(watch);
});

test("an execution that has ended is deleted, and its address says so", async () => {
  const id = await it.server.start("echo");
  await it.server.wait(id);
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await more(page, "Delete…");
  await button(page, "Delete the execution").click();
  await page.waitForURL((url) => url.pathname === "/executions");
  await open(`/executions/${id}`);
  await page.getByText("This execution was deleted").waitFor();
  isQuiet(watch);
});

test("a link to a step opens that step for whoever follows it", async () => {
  const { page, watch, open } = await it.visit();
  await open(`/executions/${done}`);
  await page.getByRole("row", { name: /double/ }).click();
  const step = (on: Page) => on.getByRole("complementary", { name: "Step double" });
  await step(page).getByRole("button", { name: "Copy link" }).click();
  await page.getByText("The link to what you see is copied.").waitFor();
  const link = await copied(page);
  expect(link).toBe(`${it.server.url}/executions/${done}?step=double`);
  await page.keyboard.press("Escape");
  await step(page).waitFor({ state: "detached" });
  const other = await it.visit();
  await other.page.goto(link);
  await step(other.page).getByText("Output").waitFor();
  isQuiet(watch);
  isQuiet(other.watch);
});

test("the waterfall is walked by keys without a click, and `?` lists them", async () => {
  const { page, watch, open } = await it.visit();
  await open(`/executions/${done}`);
  await page.getByRole("treegrid").waitFor();
  const step = () => new URL(page.url()).searchParams.get("step");
  for (const [key, name] of [
    ["j", "fetch"],
    ["j", "double"],
    ["ArrowDown", "describe"],
    ["k", "double"],
  ] as const) {
    await page.keyboard.press(key);
    await expect.poll(step).toBe(name);
  }
  await page.keyboard.press("Escape");
  await expect.poll(step).toBe(null);
  await page.keyboard.press("?");
  for (const said of ["Next step", "Step before", "Zoom in", "Show all of the time"]) {
    await dialog(page).getByText(said, { exact: true }).waitFor();
  }
  isQuiet(watch);
});

test("the code for a terminal does what it says", async () => {
  const { page, watch, open } = await it.visit();
  await open(`/executions/${done}`);
  await button(page, "Copy as…").waitFor();
  await page.keyboard.press("y");
  /** The text that is shown for a task, as the button copies it. */
  const text = async (language: string, task: string) => {
    await dialog(page).getByText(language, { exact: true }).click();
    await dialog(page).getByText(task, { exact: true }).click();
    await dialog(page)
      .getByRole("button", { name: `Copy the ${language} code` })
      .click();
    await dialog(page).getByRole("button", { name: "Copied" }).waitFor();
    const shown = await dialog(page)
      .getByRole("group", { name: `${language} code` })
      .textContent();
    expect(await copied(page)).toBe(shown);
    return shown ?? "";
  };
  const again = async (id: string) => {
    expect(await it.server.wait(id)).toMatchObject({
      status: "completed",
      input: { number: 4 },
      metadata: { order: "it's 7" },
      priority: 3,
    });
  };
  const got = JSON.parse(await terminal.run("curl", await text("curl", "Get it"))) as Execution;
  expect([got.id, got.status, got.steps?.length]).toEqual([done, "completed", 3]);
  const started = JSON.parse(await terminal.run("curl", await text("curl", "Start it again"))) as Execution;
  const seen = [done, started.id];
  await again(started.id);
  expect(await terminal.run("CLI", await text("CLI", "Get it"))).toContain(done);
  for (const language of ["CLI", "Go", "TypeScript", "Python"]) {
    expect(await terminal.run(language, await text(language, "Start it again"))).toMatch(/twice 4 is 8/);
    const { data } = await it.server.call<{ data: Execution[] }>("GET", "/v1/executions?workflow_id=steps&limit=1");
    const newest = data[0]?.id ?? "";
    expect(seen, language).not.toContain(newest);
    seen.push(newest);
    await again(newest);
  }
  for (const language of ["Go", "TypeScript", "Python"]) {
    expect(await terminal.run(language, await text(language, "Get it"))).toMatch(/completed[\s\S]*twice 4 is 8/);
    expect(await terminal.run(language, await text(language, "Wait for its end"))).toMatch(/twice 4 is 8/);
  }
  isQuiet(watch);
});

test.each(["Python", "TypeScript"])("the worker in %s that the page offers does the work", async (language) => {
  const id = await it.server.start("queued", { parcel: language });
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}`);
  await button(page, "Show how to start a worker").click();
  await page.getByText(language, { exact: true }).click();
  const shown = page.getByRole("group", { name: "commands" });
  await expect.poll(() => shown.textContent()).toContain(language === "Python" ? "pip install" : "npm install");
  const commands = ((await shown.textContent()) ?? "")
    .replace(/^export SOJOURN_API_KEY=.*$/m, "") // a person puts the key there
    .replace(/^(pip|npm) install sojourn$/m, ""); // it is installed
  await terminal.during(commands, () => page.getByText("It completed", { exact: false }).waitFor());
  expect(await it.server.wait(id)).toMatchObject({ status: "completed", output: { parcel: language } });
  isQuiet(watch);
});

test("numbers of many digits are shown as they came, and started again so", async () => {
  const number = "12345678901234567890";
  const answer = await fetch(`${it.server.url}/v1/executions`, {
    method: "POST",
    headers: { authorization: `Bearer ${it.server.key}`, "content-type": "application/json" },
    body: `{"workflow_id":"echo","input":{"order":${number}}}`,
  });
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as Execution;
  await it.server.wait(id);
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}?tab=data`);
  await page.getByRole("tree", { name: "Output" }).getByText(number).waitFor();
  await page.getByRole("link", { name: "Start again with this input" }).click();
  await expect.poll(() => page.getByLabel("Input as JSON").inputValue()).toContain(number);
  await button(page, /^Start$/).click();
  await page.waitForURL((url) => /^\/executions\/exec_/.test(url.pathname) && !url.pathname.endsWith(id));
  const again = new URL(page.url()).pathname.split("/").pop();
  const stored = await fetch(`${it.server.url}/v1/executions/${again}`, {
    headers: { authorization: `Bearer ${it.server.key}` },
  });
  expect(await stored.text()).toMatch(new RegExp(`"input": ?{"order": ?${number}}`));
  isQuiet(watch);
});

test("of two approvals of one name the one that is meant is decided", async () => {
  const { server } = it;
  const session = await server.call<{ session_id: string }>("POST", "/v1/worker/sessions", {
    protocol: 1,
    name: "by hand",
    capacity: 1,
    workflows: [{ name: "twice" }],
  });
  const id = await server.start("twice");
  const poll = await server.call<{ executions: { lease: string }[]; delivery: number }>("POST", "/v1/worker/poll", {
    session_id: session.session_id,
    received: 0,
    wait_ms: 10_000,
  });
  const lease = poll.executions[0]?.lease;
  const operation = (op: string, rest: object = {}) => ({ id, lease, op, ...rest });
  await server.call("POST", "/v1/worker/report", {
    session_id: session.session_id,
    received: poll.delivery,
    operations: [
      operation("wait", { step: "boss", wait: "approval", payload: { question: "First?" } }),
      operation("wait", { step: "boss#2", wait: "approval", payload: { question: "Second?" } }),
      operation("suspend"),
    ],
  });
  const { page, watch, open } = await it.visit();
  await open(`/executions/${id}?step=${encodeURIComponent("boss#2")}`);
  await page.getByRole("complementary", { name: "Step boss#2" }).getByRole("button", { name: "Approve…" }).click();
  await page.getByRole("dialog", { name: "Approve “boss#2”?" }).getByRole("button", { name: "Approve" }).click();
  await page.getByText("Approved: the execution goes on.").waitFor();
  const after = await server.call<Execution>("GET", `/v1/executions/${id}`);
  expect(after.awaiting?.map((wait) => wait.step)).toEqual(["boss"]);
  isQuiet(watch);
});

// What comes from outside is text, wherever it is shown: no probe runs, and all of them can be read.
import { beforeAll, expect, test } from "vitest";
import { inBrowser, isQuiet } from "./kit/browser";

const it = inBrowser();

/** Markup and scripts in the forms that browsers have fallen for. Each calls alert or asks another host when it works. */
const probes = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<svg/onload=alert(1)//",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<body onload=alert(1)>",
  "<a href=javascript:alert(1)>go</a>",
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  '"><script>alert(1)</script>',
  "'><img src=x onerror=alert(1)>",
  '" onmouseover="alert(1)',
  "' onfocus='alert(1)' autofocus='",
  "</title><script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  "</textarea><script>alert(1)</script>",
  "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
  "<details open ontoggle=alert(1)>",
  "<input autofocus onfocus=alert(1)>",
  "<video><source onerror=alert(1)></video>",
  "<object data=javascript:alert(1)>",
  "<embed src=javascript:alert(1)>",
  "<link rel=stylesheet href=http://example.com/x.css>",
  "<base href=http://example.com/>",
  "<meta http-equiv=refresh content='0;url=http://example.com/'>",
  "<style>@import 'http://example.com/x.css'</style>",
  "{{constructor.constructor('alert(1)')()}}",
  "$" + "{alert(1)}",
  "\u202e<scr\u0000ipt>alert(1)</scr\u0000ipt>",
].map((text) => text.replaceAll("\u0000", ""));

const all = Object.fromEntries(probes.map((text, i) => [`p${i}`, text]));
const first = probes[1] as string;
const ids: string[] = [];

beforeAll(async () => {
  const { server } = it;
  // In inputs, outputs, names of members, metadata, payloads of approvals, signals, comments and reasons.
  const echo = await server.start("echo", { ...all, [first]: first }, { metadata: { [first.slice(0, 64)]: first } });
  await server.wait(echo);
  const approval = await server.start("approval", { question: probes.join(" ") });
  await server.wait(approval, "actionable");
  const decided = await server.start("approval", { question: first });
  await server.wait(decided, "actionable");
  await server.call("POST", `/v1/executions/${decided}/reject`, { name: "manager", comment: first, by: first });
  await server.wait(decided);
  const cancelled = await server.start("queued", all);
  await server.call("POST", `/v1/executions/${cancelled}/signals/${encodeURIComponent(first)}`, { payload: all });
  await server.call("POST", `/v1/executions/${cancelled}/cancel`, { reason: probes.join(" ").slice(0, 400) });
  ids.push(echo, approval, decided, cancelled);
  // In the names of keys, what webhooks are called, and what a worker says of itself and of its steps.
  for (const name of [probes[0], first, probes[12]]) {
    await server.call("POST", "/v1/keys", { name, scopes: ["executions:read"] });
  }
  await server.call("POST", "/v1/webhooks/endpoints", {
    url: `http://127.0.0.1:9/${encodeURIComponent(first)}`,
    description: probes.join(" "),
  });
  const session = await worker();
  const id = await server.start("probe", all);
  const poll = await server.call<{ executions: { id: string; lease: string }[]; delivery: number }>(
    "POST",
    "/v1/worker/poll",
    {
      session_id: session.session_id,
      received: 0,
      wait_ms: 10_000,
    },
  );
  const lease = poll.executions[0]?.lease;
  const operation = (op: string, rest: object) => ({ id, lease, op, ...rest });
  const report = await server.call<{ results: { ok: boolean }[] }>("POST", "/v1/worker/report", {
    session_id: session.session_id,
    received: poll.delivery,
    operations: [
      operation("step_completed", { step: first, output: all }),
      operation("log", { level: "error", message: probes.join(" "), fields: all }),
      operation("fail", { error: { code: first, message: probes.join(" "), details: all }, final: true }),
    ],
  });
  expect(report.results.map((r) => r.ok)).toEqual([true, true, true]);
  expect((await server.wait(id)).status).toBe("failed");
  ids.push(id);
});

/** Opens a session of a worker that calls itself and its workflow by probes. It lasts as long as a lease. */
function worker() {
  const properties = { [first]: { type: "string", title: first, description: first, default: first } };
  return it.server.call<{ session_id: string }>("POST", "/v1/worker/sessions", {
    protocol: 1,
    name: first,
    sdk: probes[0],
    version: probes[2],
    capacity: 1,
    workflows: [{ name: "probe", description: first, input_schema: { type: "object", title: first, properties } }],
  });
}

test("every page shows probes as text", async () => {
  const { page, watch, open } = await it.visit();
  await worker();
  const [echo, , , , failed] = ids;
  const address = encodeURIComponent(first);
  const shows = [
    "/workers",
    "/workflows",
    "/workflows/probe",
    "/workflows/probe/start",
    "/inbox",
    "/keys",
    "/webhooks",
  ];
  shows.push(`/executions/${echo}?tab=data`, `/executions/${failed}?tab=logs`, `/executions/${failed}?tab=waterfall`);
  const others = ["/executions", "/webhooks?part=deliveries", "/system"];
  for (const id of ids) for (const tab of ["waterfall", "events", "data"]) others.push(`/executions/${id}?tab=${tab}`);
  // What stands in an address is from outside too.
  others.push(`/executions?text=${address}&metadata.x=${address}`, `/executions/${echo}?step=${address}`);
  others.push(`/workflows/${address}`);
  for (const path of [...shows, ...others]) {
    await open(path);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    if (!shows.includes(path)) continue;
    const seen = page
      .locator("main")
      .getByText(first)
      .or(page.locator(`input[value=${JSON.stringify(first)}]`));
    await seen
      .first()
      .waitFor()
      .catch(() => expect.fail(`${path} does not show ${first}`));
  }
  isQuiet(watch);
});

test("markup that got into a page would be noticed", async () => {
  const { page, watch } = await it.visit();
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.evaluate(async (markup) => {
    const trusting = document.body as unknown as { innerHTML: string };
    try {
      trusting.innerHTML = markup;
    } catch (error) {
      console.error(String(error));
    }
    await fetch("http://example.com/").catch(() => undefined);
  }, first);
  await expect.poll(() => watch.csp.length).toBeGreaterThanOrEqual(2);
  expect(watch.dialogs).toEqual([]);
});

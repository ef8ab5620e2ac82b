// The TypeScript blocks of docs/, run as they stand; only address, key and the names that a page makes up are real ones.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Webhook } from "standardwebhooks";
import { expect, inject, test, vi } from "vitest";

const docs = fileURLToPath(new URL("../../../docs/", import.meta.url));
const modules: Record<string, () => Promise<unknown>> = {
  sojourn: () => import("../src/index.js"),
  "sojourn/human": () => import("../src/human/index.js"),
  "sojourn/eigenpal": () => import("../src/eigenpal/index.js"),
};

function blocks(page: string): string[] {
  return [...readFileSync(docs + page, "utf8").matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
}

/** Runs a block and returns what its constants came to. */
async function run(block: string, names: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const constants = [...block.matchAll(/^const (\w+) =/gm)].map((match) => match[1]);
  const code = block.replace(/^import (\{.*?\}) from "(.*?)";$/gm, 'const $1 = await load("$2");');
  expect(code).not.toMatch(/^import/m);
  const AsyncFunction = (async () => {}).constructor as new (
    ...parts: string[]
  ) => (...args: unknown[]) => Promise<any>;
  const load = (name: string) => modules[name]?.();
  return new AsyncFunction("load", ...Object.keys(names), `${code}\nreturn { ${constants.join(", ")} };`)(
    load,
    ...Object.values(names),
  );
}

test("every page with TypeScript is run", () => {
  const pages = readdirSync(docs).filter((page) => page.endsWith(".md") && blocks(page).length > 0);
  expect(pages.sort()).toEqual(["human.md", "webhooks.md"]);
});

test("human.md", async () => {
  const { url, key } = inject("server");
  const [block = "", ...others] = blocks("human.md");
  expect(others).toEqual([]);
  expect(block).toContain('"…"');
  const { execution, result } = await run(
    block
      .replace('"…"', JSON.stringify(key))
      .replace("http://127.0.0.1:7373", url)
      .replace("wf_summarize", "summarize"),
  );
  expect(execution).toMatchObject({ status: "pending", input: { text: "Hello world" } });
  expect(result).toMatchObject({
    status: "completed",
    output: { text: "Hello world", sentences: [expect.any(Object)] },
  });
});

test("README", async () => {
  const { url: baseUrl, key: apiKey } = inject("server");
  const [start = "", worker = "", human = "", eigenpal = "", ...others] = blocks("../sdk/typescript/README.md");
  expect(others).toEqual([]);
  expect(worker).toContain("new Worker("); // it waits for days; examples/ has workers that are run
  vi.stubEnv("SOJOURN_BASE_URL", baseUrl);
  vi.stubEnv("SOJOURN_API_KEY", apiKey);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    expect((await run(start)).output).toEqual({ name: "Ada" });
  } finally {
    vi.unstubAllEnvs();
    log.mockRestore();
  }
  expect((await run(human, { apiKey, baseUrl })).result).toMatchObject({ status: "completed" });
  const invoice = readFileSync(`${docs}../examples/invoices/browser-us.pdf`);
  const names = { apiKey, baseUrl, bytes: invoice, file: new File([invoice], "contract.pdf") };
  const done = await run(eigenpal.replaceAll("contract_document", "document"), names);
  expect(done.run).toMatchObject({ status: "completed", result: expect.any(Object) });
  expect(done.final).toMatchObject({ status: "completed" });
});

test("webhooks.md", async () => {
  const [block = "", ...others] = blocks("webhooks.md");
  expect(others).toEqual([]);
  const secret = `whsec_${"QUJD".repeat(8)}`;
  const body =
    '{"id":"evt_1","type":"execution.completed","created_at":"2026-11-22T00:00:00.000Z","data":{"id":"exec_1"}}';
  const now = new Date();
  const request = new Request("http://localhost/hooks", {
    method: "POST",
    body,
    headers: {
      "webhook-id": "evt_1",
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign("evt_1", now, body),
    },
  });
  expect((await run(block, { secret, request })).event).toMatchObject({ id: "evt_1", type: "execution.completed" });
});

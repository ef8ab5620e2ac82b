// The packed package where it says that it runs: Node, Bun and Deno with client and worker, a browser with the client.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { unique } from "../kit/kit.js";
import { type Packed, pack, root, run } from "./project.js";

vi.setConfig({ testTimeout: 240_000 });

let packed: Packed;

beforeAll(() => {
  packed = pack();
});

afterAll(() => packed.remove());

/** What every runtime does with the clients; `name` is a workflow that doubles n. */
const clients = `
  const doubled = await client.run({ workflow: name, input: { n: 21 } });
  const { id } = await human.workflows.start({ workflow_id: name, input: { n: 2 } });
  const { output } = await human.workflows.waitForCompletion(id, { poll_interval_ms: 20 });
  const { result } = await eigenpal.workflows.run(name, { n: 3 }, { waitForCompletion: 30 });
  const sent = await eigenpal.workflows.run("file", { d: new File(["hello"], "a.txt") }, { waitForCompletion: 30 });
  const file = await client.files.upload(new File(["content"], "b.txt"));
  const back = await (await client.files.content(file.id)).text();
  const started = await client.executions.start({ workflow: name, input: { n: 1 } });
  let last;
  for await (const event of client.executions.events(started.id)) last = event.type;
  const missing = await client.executions.get("exec_x").catch((e) => e.code + " " + Boolean(e.requestId));
  const found = [doubled, output, result, sent.result.size, back, last, missing];`;
const expected = [42, { value: 4 }, 6, 5, "content", "completed", "not_found true"];

const program = `
  import { Sojourn, Worker } from "sojourn";
  import { HumanClient } from "sojourn/human";
  import { EigenpalClient } from "sojourn/eigenpal";
  const options = { apiKey: process.env.SOJOURN_API_KEY, baseUrl: process.env.SOJOURN_BASE_URL };
  const [client, human, eigenpal] = [new Sojourn(), new HumanClient(options), new EigenpalClient(options)];
  const name = process.env.WORKFLOW;
  const worker = new Worker(client).handle(name, async (ctx, { n }) => {
    const twice = await ctx.step("double", () => 2 * n);
    await ctx.sleep("nap", 10);
    return twice;
  });
  const running = worker.run();
  await worker.ready;
  ${clients}
  const stopping = Date.now();
  worker.stop();
  await running;
  if (Date.now() - stopping > 10_000) throw new Error("the worker took long to stop: its poll was not broken off");
  console.log(JSON.stringify(found));`;

const other = (name: string) => join(root, "test/wide/runtimes/node_modules/.bin", name);

test.each([
  ["node", process.execPath, ["main.js"]],
  ["bun", other("bun"), ["main.js"]],
  ["deno", other("deno"), ["run", "--allow-net", "--allow-env", "--allow-read", "--allow-sys", "main.js"]],
])("client and worker on %s", (name, path, args) => {
  const folder = packed.project(`on-${name}`, "module");
  writeFileSync(join(folder, "main.js"), program);
  expect(JSON.parse(run(path, args, folder, { WORKFLOW: unique(name) }))).toEqual(expected);
});

/** The first of the programs that is there. */
function installed(...programs: string[]): string {
  for (const path of programs) {
    try {
      execFileSync(path, ["--version"], { stdio: "ignore" });
      return path;
    } catch {}
  }
  throw new Error(`none of ${programs.join(", ")} is installed: run scripts/install-test-deps.sh`);
}

test("the clients in a browser, from a page of another origin", async () => {
  const folder = packed.project("in-chromium", "module");
  const { url, key } = inject("server");
  writeFileSync(
    join(folder, "main.js"),
    `import { Sojourn } from "sojourn";
     import { HumanClient } from "sojourn/human";
     import { EigenpalClient } from "sojourn/eigenpal";
     const options = { apiKey: ${JSON.stringify(key)}, baseUrl: ${JSON.stringify(url)} };
     const [client, human, eigenpal] = [new Sojourn(options), new HumanClient(options), new EigenpalClient(options)];
     const name = "double-for-pages";
     (async () => { ${clients}
       return found;
     })().then((found) => found, (error) => String(error?.stack ?? error))
       .then((found) => fetch("/found", { method: "POST", body: JSON.stringify(found) }));`,
  );
  writeFileSync(
    join(folder, "worker.js"),
    `import { Sojourn, Worker } from "sojourn";
     const worker = new Worker(new Sojourn(), { onReady: () => console.log("ready") });
     worker.handle("double-for-pages", (ctx, { n }) => 2 * n);
     await worker.run();`,
  );
  writeFileSync(
    join(folder, "build.mjs"),
    `import { rolldown } from ${JSON.stringify(join(root, "node_modules/rolldown/dist/index.mjs"))};
     const bundle = await rolldown({ input: "main.js", platform: "browser" });
     console.log((await bundle.generate({ format: "iife" })).output[0].code);`,
  );
  const script = run(process.execPath, ["build.mjs"], folder);
  const children: ChildProcess[] = [];
  const profile = mkdtempSync(join(tmpdir(), "sojourn-chromium-"));
  let found: (text: string) => void = () => {};
  const told = new Promise<string>((resolve) => {
    found = resolve;
  });
  const pages = createServer((request, response) => {
    if (request.url === "/found") {
      let body = "";
      request.on("data", (part) => {
        body += part;
      });
      request.on("end", () => found(body));
      response.end();
      return;
    }
    const html = request.url === "/";
    response.writeHead(html ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
    response.end(html ? `<!doctype html><script>${script.replaceAll("</script", "<\\/script")}</script>` : "");
  });
  try {
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    const worker = spawn(process.execPath, ["worker.js"], {
      cwd: folder,
      env: { ...process.env, SOJOURN_BASE_URL: url, SOJOURN_API_KEY: key },
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    children.push(worker);
    await new Promise((resolve) => worker.stdout.once("data", resolve));
    const chromium = installed("chromium", "chromium-browser", "google-chrome");
    const options = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      `--user-data-dir=${profile}`,
    ];
    const page = `http://localhost:${(pages.address() as AddressInfo).port}/`;
    children.push(spawn(chromium, [...options, page], { stdio: "ignore", detached: true }));
    expect(JSON.parse(await told)).toEqual(expected);
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      // With the processes that it began: those of a browser write its profile for a while after it is gone.
      process.kill(-(child.pid as number), "SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    pages.close();
    pages.closeAllConnections();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  }
});

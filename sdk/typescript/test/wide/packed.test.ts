// The package as it is published: packed, checked, and installed in empty projects.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Packed, pack, root, run } from "./project.js";

const bin = (name: string) => join(root, "node_modules/.bin", name);
vi.setConfig({ testTimeout: 240_000 });

let packed: Packed;

beforeAll(() => {
  packed = pack();
});

afterAll(() => packed.remove());

test("holds what it should, and depends on nothing", () => {
  const files = run("tar", ["-tzf", packed.tarball], packed.dir).split("\n");
  for (const file of [
    "README.md",
    "LICENSE",
    "dist/index.mjs",
    "dist/index.cjs",
    "dist/index.d.mts",
    "dist/human/index.cjs",
  ]) {
    expect(files).toContain(`package/${file}`);
  }
  expect(files.filter((file) => /(src|test|node_modules)\//.test(file))).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(manifest.dependencies ?? {}).toEqual({});
});

test("publint and attw find nothing wrong", () => {
  run(bin("publint"), ["--strict", packed.tarball], root);
  run(bin("attw"), [packed.tarball, "--profile", "node16"], root);
});

test("runs as an ES module", () => {
  const path = packed.project("esm", "module");
  writeFileSync(
    join(path, "main.js"),
    `import { Sojourn, Worker } from "sojourn";
     import { HumanClient } from "sojourn/human";
     import { EigenpalClient } from "sojourn/eigenpal";
     const client = new Sojourn();
     const worker = new Worker(client).handle("packed-esm", (ctx, { n }) => ctx.step("double", () => 2 * n));
     const running = worker.run();
     const human = new HumanClient({ apiKey: process.env.SOJOURN_API_KEY, baseUrl: process.env.SOJOURN_BASE_URL });
     const eigenpal = new EigenpalClient({ apiKey: process.env.SOJOURN_API_KEY, baseUrl: process.env.SOJOURN_BASE_URL });
     await worker.ready;
     const doubled = await client.run({ workflow: "packed-esm", input: { n: 21 } });
     const { id } = await human.workflows.start({ workflow_id: "packed-esm", input: { n: 2 } });
     const { output } = await human.workflows.waitForCompletion(id, { poll_interval_ms: 20 });
     const { result } = await eigenpal.workflows.run("packed-esm", { n: 3 }, { waitForCompletion: 30 });
     worker.stop();
     await running;
     console.log(JSON.stringify([doubled, output, result]));`,
  );
  expect(run("node", ["main.js"], path)).toBe('[42,{"value":4},6]\n');
});

test("runs as CommonJS", () => {
  const path = packed.project("cjs", "commonjs");
  writeFileSync(
    join(path, "main.js"),
    `const { Sojourn, NotFoundError } = require("sojourn");
     const { HumanClient, NotFoundError: HumanNotFound } = require("sojourn/human");
     const { EigenpalClient } = require("sojourn/eigenpal");
     (async () => {
       const client = new Sojourn();
       const options = { apiKey: process.env.SOJOURN_API_KEY, baseUrl: process.env.SOJOURN_BASE_URL };
       const output = await client.run({ workflow: "echo", input: { a: 1 } });
       const missing = await client.executions.get("exec_x").catch((e) => e instanceof NotFoundError);
       const human = await new HumanClient(options).workflows.get("exec_x").catch((e) => e instanceof HumanNotFound);
       const { result } = await new EigenpalClient(options).workflows.run("echo", { b: 2 }, { waitForCompletion: 30 });
       console.log(JSON.stringify([output, missing, human, result]));
     })();`,
  );
  expect(run("node", ["main.js"], path)).toBe('[{"a":1},true,true,{"b":2}]\n');
});

test("a worker process drains at SIGTERM", () => {
  const path = packed.project("drain", "module");
  writeFileSync(
    join(path, "main.js"),
    `import { Sojourn, Worker } from "sojourn";
     const client = new Sojourn();
     const worker = new Worker(client, { onReady: async () => {
       const { id } = await client.executions.start({ workflow: "packed-drain" });
       globalThis.id = id;
     } });
     worker.handle("packed-drain", async (ctx) => {
       process.kill(process.pid, "SIGTERM");
       await ctx.step("work", () => new Promise((resolve) => setTimeout(resolve, 200)));
       return "finished";
     });
     await worker.run();
     console.log((await client.executions.get(globalThis.id)).output);`,
  );
  expect(run("node", ["main.js"], path)).toBe("finished\n");
});

test.each(["nodenext", "bundler"])("types are right in a strict project (%s)", (resolution) => {
  const path = packed.project(`types-${resolution}`, "module");
  cpSync(join(root, "test/wide/project"), path, { recursive: true });
  cpSync(join(root, "examples/start.ts"), join(path, "start.ts"));
  cpSync(join(root, "examples/approval.ts"), join(path, "approval.ts"));
  const tsc = [
    ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noEmit", "--target", "es2022"],
    ["--module", resolution === "bundler" ? "esnext" : "nodenext", "--moduleResolution", resolution],
  ].flat();
  const node = [
    "--types",
    "node",
    "--typeRoots",
    join(root, "node_modules/@types"),
    "types.ts",
    "start.ts",
    "approval.ts",
  ];
  run(bin("tsc"), [...tsc, "--lib", "es2023", ...node], path);
  // A browser: no types of Node.
  run(bin("tsc"), [...tsc, "--lib", "es2023,dom,dom.iterable,dom.asynciterable", "browser.ts"], path);
});

test("a bundler for browsers takes the client", () => {
  const path = packed.project("browser", "module");
  writeFileSync(
    join(path, "main.js"),
    `import { Sojourn } from "sojourn"; globalThis.client = new Sojourn({ apiKey: "k" });`,
  );
  writeFileSync(
    join(path, "build.mjs"),
    `import { rolldown } from ${JSON.stringify(join(root, "node_modules/rolldown/dist/index.mjs"))};
     const warnings = [];
     const bundle = await rolldown({ input: "main.js", platform: "browser", onLog: (_, log) => warnings.push(log.message) });
     const { output } = await bundle.generate({ format: "iife" });
     console.log(JSON.stringify({ warnings, builtin: /from ["']node:|require\\(["']node:/.test(output[0].code) }));`,
  );
  expect(JSON.parse(run("node", ["build.mjs"], path))).toEqual({ warnings: [], builtin: false });
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { startServer } from "./server.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The server program, built from this repository. */
    binary: string;
    /** A `sojourn dev` that all tests may use, but none may stop. */
    server: { url: string; key: string };
  }
}

/** Builds the server and starts one that the tests share. */
export default async function setup(project: TestProject) {
  const dir = mkdtempSync(join(tmpdir(), "sojourn-ts-"));
  let binary = process.env.SOJOURN_BINARY ?? "";
  if (binary === "") {
    binary = join(dir, "sojourn");
    const root = fileURLToPath(new URL("../../../..", import.meta.url));
    execFileSync("go", ["build", "-o", binary, "./cmd/sojourn"], { cwd: root, stdio: "inherit" });
  }
  const server = await startServer({ binary });
  project.provide("binary", binary);
  project.provide("server", { url: server.url, key: server.key });
  return async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

/** The folder of this package. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program with the shared server in its environment, and returns what it printed. */
export function run(program: string, args: string[], cwd: string, env: Record<string, string> = {}): string {
  const { url, key } = inject("server");
  try {
    return execFileSync(program, args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 200_000,
      env: { ...process.env, SOJOURN_BASE_URL: url, SOJOURN_API_KEY: key, ...env },
    });
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${message}\n${stdout ?? ""}\n${stderr ?? ""}`);
  }
}

/** The package as it is published, and projects that have nothing but it. */
export interface Packed {
  dir: string;
  tarball: string;
  /** Makes a project that has nothing but the package. */
  project(name: string, type: "module" | "commonjs"): string;
  /** Removes all of it. */
  remove(): void;
}

/** Packs the package into a folder of its own. */
export function pack(): Packed {
  const dir = mkdtempSync(join(tmpdir(), "sojourn-packed-"));
  run("npm", ["pack", "--silent", "--pack-destination", dir], root);
  const tarball = join(dir, readdirSync(dir).find((file) => file.endsWith(".tgz")) ?? "missing");
  return {
    dir,
    tarball,
    project(name, type) {
      const path = join(dir, name);
      mkdirSync(join(path, "node_modules/sojourn"), { recursive: true });
      writeFileSync(join(path, "package.json"), JSON.stringify({ name, type, private: true }));
      // What npm install does with a tarball without dependencies, without asking a registry.
      run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(path, "node_modules/sojourn")], path);
      return path;
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

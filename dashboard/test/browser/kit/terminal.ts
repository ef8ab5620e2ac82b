import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { binary, type Server } from "./server";

const execute = promisify(execFile);
const root = resolve("..");
const python = join(root, "bin/venv/bin");

/** A terminal in which what the pages offer to copy runs as it stands: the CLI and the three SDKs are installed. */
export interface Terminal {
  /** Runs a text in its language, with the server's key, and returns what it prints. */
  run(language: string, text: string): Promise<string>;
  /** Has a shell run commands that do not end by themselves, while something is done; it fails when they end before. */
  during(commands: string, act: () => Promise<void>): Promise<void>;
  close(): void;
}

/** The SDK for TypeScript is installed as it is published; that for Python comes from scripts/python-venv.sh. */
export async function openTerminal(server: Server): Promise<Terminal> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-code-"));
  const sdk = join(folder, "node_modules/sojourn");
  const packed = ["--log-level", "warn", "--format", "esm", "--no-dts", "--out-dir", sdk];
  await execute("npx", ["--no-install", "tsdown", ...packed], { cwd: join(root, "sdk/typescript") });
  writeFileSync(join(sdk, "package.json"), '{"type": "module", "exports": "./index.mjs"}');
  const env = {
    ...process.env,
    SOJOURN_API_KEY: server.key,
    PATH: `${dirname(binary)}:${python}:${process.env.PATH}`,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const program = (language: string, text: string): [string, string[]] => {
    switch (language) {
      case "curl":
      case "CLI":
        return ["bash", ["-euo", "pipefail", "-c", text]];
      case "Go":
        // Within the module the import of the SDK is the checkout.
        return ["go", ["run", "-C", root, file("main.go", text)]];
      case "TypeScript":
        return ["node", [file("main.mjs", text)]];
      case "Python":
        return ["python3", [file("main.py", text)]];
      default:
        throw new Error(`no program runs ${language}`);
    }
  };
  return {
    run: async (language, text) => {
      const [name, args] = program(language, text);
      const { stdout } = await execute(name, args, { cwd: folder, env, timeout: 120_000 });
      return stdout;
    },
    during: async (commands, act) => {
      const shell = spawn("bash", ["-euo", "pipefail", "-c", commands], { cwd: folder, env, detached: true });
      let said = "";
      for (const output of [shell.stdout, shell.stderr]) output.on("data", (part) => (said += part));
      const ended = once(shell, "close");
      try {
        await Promise.race([act(), ended.then(() => Promise.reject(new Error(`it ended by itself: ${said}`)))]);
      } finally {
        if (shell.exitCode === null && shell.signalCode === null) process.kill(-(shell.pid as number), "SIGTERM");
        await ended;
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A running server. */
export interface Server {
  url: string;
  key: string;
  /** Ends it as an operator would; its data goes too. */
  stop(): Promise<void>;
  /** Ends it as a power cut would; its data stays for the next one. */
  kill(): Promise<void>;
  /** Starts it again on the same address and data. */
  restart(): Promise<void>;
}

/** What to start: `dev` has the demo workflows and their worker. */
export interface ServerOptions {
  binary: string;
  mode?: "dev" | "serve";
  args?: string[];
}

/** Starts a server on an address and a folder of its own. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const data = mkdtempSync(join(tmpdir(), "sojourn-ts-data-"));
  const key = `test-key-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  let child = await launch(options, data, key, "127.0.0.1:0");
  return {
    url: child.url,
    key,
    async stop() {
      await end(child.process, "SIGTERM");
      rmSync(data, { recursive: true, force: true });
    },
    kill: () => end(child.process, "SIGKILL"),
    async restart() {
      child = await launch(options, data, key, new URL(child.url).host);
    },
  };
}

async function launch(options: ServerOptions, data: string, key: string, listen: string) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (name.startsWith("SOJOURN")) delete env[name];
  const mode = options.mode ?? "dev";
  const args = [mode, "--data", data, "--listen", listen, "--api-key", key, ...(options.args ?? [])];
  const child = spawn(options.binary, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server is not up after a minute: ${said}`)), 60_000);
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      const match = /(?:is ready at|listening[^\n]*?)\s*(?:url=|addr=|address=)?"?(http:\/\/[^\s"]+)/.exec(said);
      if (match) {
        clearTimeout(timer);
        resolve(match[1] as string);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}: ${said}`));
    });
  });
  return { process: child, url };
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

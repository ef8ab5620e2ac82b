import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { components } from "../../../src/services/schema.gen";

export type Execution = components["schemas"]["Execution"];

/** A running `sojourn dev`, with the demo workflows and their worker. */
export interface Server {
  url: string;
  key: string;
  /** A call of the API with the key; fails on any answer that is not 2xx. */
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** Starts an execution and returns its id. */
  start(workflow: string, input?: unknown, rest?: Record<string, unknown>): Promise<string>;
  /** Waits until the execution has ended, or with `actionable` until it waits for somebody. */
  wait(id: string, until?: "terminal" | "actionable"): Promise<Execution>;
  stop(): Promise<void>;
  /** Ends the process and keeps its data, as a machine does that is started anew. */
  pause(): Promise<void>;
  /** Starts it again, at the same address and on the same data. */
  resume(): Promise<void>;
}

/** The binary under test. */
export const binary = resolve(process.env.SOJOURN_BINARY ?? "../bin/sojourn");

/** Starts a server on an address of its own, on the data directory or on one that goes with it. */
export async function startServer(data?: string): Promise<Server> {
  const folder = data ?? mkdtempSync(join(tmpdir(), "sojourn-browser-"));
  const key = `browser-key-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SOJOURN")));
  const launch = (listen: string) =>
    spawn(binary, ["dev", "--listen", listen, "--data", folder, "--api-key", key], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
  let child = launch("127.0.0.1:0");
  const url = await address(child);

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  return {
    url,
    key,
    call,
    start: async (workflow, input = {}, rest = {}) =>
      (await call<Execution>("POST", "/v1/executions", { workflow_id: workflow, input, ...rest })).id,
    wait: (id, until = "terminal") => call<Execution>("GET", `/v1/executions/${id}?wait=30&until=${until}`),
    pause: () => ended(child),
    resume: async () => {
      child = launch(new URL(url).host);
      await address(child);
    },
    stop: async () => {
      await ended(child);
      if (data === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function address(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let said = "";
    const timer = setTimeout(() => failed(new Error(`the server is not up after a minute: ${said}`)), 60_000);
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      const match = /is ready at (http:\/\/\S+)/.exec(said);
      if (match?.[1]) {
        clearTimeout(timer);
        found(match[1]);
      }
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      failed(new Error(`the server ended with ${code}: ${said}`));
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once("exit", () => done());
    child.kill("SIGTERM");
  });
}

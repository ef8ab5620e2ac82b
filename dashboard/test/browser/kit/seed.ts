import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { startServer } from "./server";

const root = resolve("..");

/** What the program in test/seed made. */
export interface Seeded {
  rows: number;
  /** The execution whose history is as long as one can be. */
  steps: string;
}

/** A directory for the data of a server, which whoever asks for it removes. */
export const dataFolder = (): string => mkdtempSync(join(tmpdir(), "sojourn-browser-"));

/** Stores many executions in the directory, which no server has used yet. */
export async function seed(data: string, rows: number): Promise<Seeded> {
  const first = await startServer(data);
  await first.stop();
  const { stdout } = await promisify(execFile)(
    "go",
    ["run", "./dashboard/test/seed", "-data", data, "-rows", String(rows)],
    { cwd: root },
  );
  return JSON.parse(stdout) as Seeded;
}

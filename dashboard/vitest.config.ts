import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const junit = process.env.SOJOURN_TEST_JUNIT;
// Browsers have it; Node has it from 22 on without being asked.
const exactJSON = "rawJSON" in JSON ? [] : ["--harmony-json-parse-with-source"];

export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
    execArgv: exactJSON,
    setupFiles: ["src/test/setup.ts"],
    reporters: junit ? ["default", ["junit", { outputFile: junit }]] : ["default"],
  },
});

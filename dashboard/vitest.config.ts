import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const junit = process.env.SOJOURN_TEST_JUNIT;

export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 60_000,
    maxWorkers: 2,
    setupFiles: ["src/test/setup.ts"],
    reporters: junit ? ["default", ["junit", { outputFile: junit }]] : ["default"],
  },
});

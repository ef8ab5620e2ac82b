import { defineConfig } from "vitest/config";

const src = (path: string) => new URL(`./src/${path}`, import.meta.url).pathname;

export default defineConfig({
  // The examples import the package by its name.
  resolve: {
    alias: [
      { find: /^sojourn$/, replacement: src("index.ts") },
      { find: /^sojourn\/(human|eigenpal)$/, replacement: src("$1/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: process.env.SOJOURN_TEST_WIDE ? [] : ["test/wide/**"],
    globalSetup: ["test/kit/setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: process.env.SOJOURN_TEST_JUNIT ? ["default", "junit"] : ["default"],
    ...(process.env.SOJOURN_TEST_JUNIT ? { outputFile: { junit: process.env.SOJOURN_TEST_JUNIT } } : {}),
  },
});

// Writes src/services/schema.gen.ts from the server's OpenAPI document. With --check it only says whether that is up to date.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const spec = new URL("../../spec/openapi.json", import.meta.url);
const target = new URL("../src/services/schema.gen.ts", import.meta.url);

const nodes = await openapiTS(JSON.parse(await readFile(spec, "utf8")), {
  // Any JSON. Unlike in the SDK lists of texts are closed: the server and its dashboard are one program.
  transform: (schema) =>
    Array.isArray(schema.type) && schema.type.length === 6
      ? ts.factory.createKeywordTypeNode(ts.SyntaxKind.UnknownKeyword)
      : undefined,
  alphabetize: true,
  // A default says what the server assumes, not that a member is always there.
  defaultNonNullable: false,
});
const text = `// Code generated from spec/openapi.yaml by scripts/generate.mjs. DO NOT EDIT.\n\n${astToString(nodes)}`;
const before = await readFile(target, "utf8").catch(() => "");
if (before !== text && process.argv.includes("--check")) {
  console.error("src/services/schema.gen.ts is out of date: run `npm run generate` in dashboard and commit it");
  process.exit(1);
}
if (before !== text) await writeFile(target, text);

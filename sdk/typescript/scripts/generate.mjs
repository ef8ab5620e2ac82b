// Writes src/internal/api.gen.ts from the server's OpenAPI document. With --check it only says whether that is up to date.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const spec = new URL("../../../spec/openapi.json", import.meta.url);
const target = new URL("../src/internal/api.gen.ts", import.meta.url);
const { factory } = ts;

// Says what differs from the plain translation of a schema. A newer server may send values that this SDK does not know: every list of texts stays open, and editors still
// complete the known ones.
function adjust(schema) {
  if (Array.isArray(schema.type) && schema.type.length === 6) {
    return factory.createKeywordTypeNode(ts.SyntaxKind.UnknownKeyword); // any JSON
  }
  if (schema.type !== "string" || !Array.isArray(schema.enum)) return undefined;
  return factory.createUnionTypeNode([
    ...schema.enum.map((value) => factory.createLiteralTypeNode(factory.createStringLiteral(value))),
    factory.createParenthesizedType(
      factory.createIntersectionTypeNode([
        factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword),
        factory.createTypeLiteralNode([]),
      ]),
    ),
  ]);
}

const nodes = await openapiTS(JSON.parse(await readFile(spec, "utf8")), {
  transform: (schema) => adjust(schema),
  alphabetize: true,
  // A default says what the server assumes, not that a member is always there.
  defaultNonNullable: false,
});
const text = `// Code generated from spec/openapi.yaml by scripts/generate.mjs. DO NOT EDIT.\n\n${astToString(nodes)}`;
const before = await readFile(target, "utf8").catch(() => "");
if (before !== text && process.argv.includes("--check")) {
  console.error("src/internal/api.gen.ts is out of date: run `npm run generate` in sdk/typescript and commit it");
  process.exit(1);
}
if (before !== text) await writeFile(target, text);

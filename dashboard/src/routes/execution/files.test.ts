import { expect, it } from "vitest";
import { fileRefs, formatBytes } from "./files";

const id = "file_01jd7x0m8ke9tb3a0r6v5n2w4q";
const other = "file_01jd7x0m8ke9tb3a0r6v5n2w4r";

it("finds each file once, with all its places", () => {
  const document = { fileId: id, filename: "a.pdf", size: 1234, sha256: "ab", mimeType: "application/pdf" };
  expect(fileRefs({ input: { document, more: [{ deep: { fileId: other } }] }, output: document })).toEqual([
    { id, name: "a.pdf", size: 1234, sha256: "ab", type: "application/pdf", places: ["input.document", "output"] },
    { id: other, name: other, size: undefined, sha256: undefined, type: undefined, places: ["input.more[0].deep"] },
  ]);
});

it("takes nothing for a file that is none", () => {
  expect(fileRefs({ input: { fileId: "../../etc/passwd" }, output: { fileId: 7 }, other: null, text: id })).toEqual([]);
});

it.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1.0 kB"],
  [1_234_567, "1.2 MB"],
  [45_000_000, "45 MB"],
])("writes %i bytes as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

import { describe, expect, it } from "vitest";
import { toCSV, toJSON } from "./export";
import { anExecution, aRow } from "./factory";
import { reasonOf, rowOf } from "./row";

describe("export", () => {
  it("writes CSV that spreadsheets read, and no formulas", () => {
    const csv = toCSV([
      aRow(1, { status: "failed", error: 'said "no",\nthen left', metadata: { customer: "1138", "a,b": "x" } }),
      aRow(2, { error: "=HYPERLINK(1)", metadata: { customer: "-1" } }),
    ]);
    const lines = csv.split("\r\n");
    expect(lines[0]).toMatch(/^id,workflow,.*,error,"metadata\.a,b",metadata\.customer$/);
    expect(csv).toContain('"said ""no"",\nthen left",x,1138\r\n');
    expect(csv).toContain("'=HYPERLINK(1),,'-1\r\n");
    expect(csv.endsWith("\r\n")).toBe(true);
  });

  it("writes the rows as JSON", () => {
    const rows = [aRow(1), aRow(2)];
    expect(JSON.parse(toJSON(rows))).toEqual(JSON.parse(JSON.stringify(rows)));
  });
});

describe("a row", () => {
  it("keeps nothing large", () => {
    const row = rowOf(
      anExecution(1, {
        input: { big: "x".repeat(1e6) },
        output: "y",
        error: "z".repeat(5000),
        error_details: { a: 1 },
      }),
    );
    expect(JSON.stringify(row).length).toBeLessThan(1000);
    expect(row).not.toHaveProperty("input");
  });

  it("says what it waits for", () => {
    expect(reasonOf(aRow(1, { status: "waiting", status_reason: "approval:manager" }))).toBe("Needs approval: manager");
    expect(reasonOf(aRow(1, { status: "pending", status_reason: "no_worker" }))).toBe("No worker for it");
    expect(reasonOf(aRow(1, { status: "failed", error: "boom", error_code: "x" }))).toBe("boom");
    expect(reasonOf(aRow(1, { status: "pending", status_reason: "new_one", status_message: "It is new." }))).toBe(
      "It is new.",
    );
    expect(reasonOf(aRow(1, { status: "completed" }))).toBe("");
    expect(reasonOf(aRow(1, { status: "cancelled", error: "cancelled" }))).toBe("");
  });
});

import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen, within } from "@testing-library/react";
import { useState } from "react";
import { describe, expect, it } from "vitest";
import { type Column, DataTable } from "./DataTable";

interface Row {
  id: string;
  name: string;
}
const rows: Row[] = ["a", "b", "c", "d"].map((id) => ({ id, name: `Row ${id}` }));
const columns: Column<Row>[] = [
  { key: "name", header: "Name", main: true, cell: (row) => row.name },
  { key: "id", header: "Id", align: "end", cell: (row) => row.id },
];

function Table() {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  return (
    <MantineProvider>
      <DataTable
        label="Things"
        columns={columns}
        rows={rows}
        rowKey={(row) => row.id}
        selection={{ selected, onChange: setSelected }}
        total={1000}
      />
      <output>{[...selected].sort().join(" ")}</output>
    </MantineProvider>
  );
}

const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });
const chosen = () => screen.getByRole("status").textContent;

describe("DataTable", () => {
  it("is a table for those who listen to it", () => {
    render(<Table />);
    const table = screen.getByRole("table", { name: "Things" });
    expect(table.getAttribute("aria-rowcount")).toBe("1001");
    expect(within(table).getAllByRole("row")).toHaveLength(5);
    expect(within(table).getAllByRole("columnheader")).toHaveLength(3);
  });

  it("is walked with j and k, to its ends and no further", () => {
    render(<Table />);
    press("j");
    expect(document.activeElement?.textContent).toBe("Row a");
    press("j");
    press("j");
    press("j");
    press("j");
    expect(document.activeElement?.textContent).toBe("Row d");
    press("k");
    expect(document.activeElement?.textContent).toBe("Row c");
    press("x");
    expect(chosen()).toBe("c");
  });

  it("selects a range with shift, and all of it", () => {
    render(<Table />);
    const boxes = screen.getAllByRole("checkbox", { name: /Select row/ });
    fireEvent.click(boxes[0] as HTMLElement);
    fireEvent.click(boxes[2] as HTMLElement, { shiftKey: true });
    expect(chosen()).toBe("a b c");
    fireEvent.click(screen.getByRole("checkbox", { name: "Select all rows shown" }));
    expect(chosen()).toBe("a b c d");
    fireEvent.click(screen.getByRole("checkbox", { name: "Select all rows shown" }));
    expect(chosen()).toBe("");
  });
});

import { describe, expect, it } from "vitest";
import {
  beginWith,
  builtIn,
  deleteView,
  findView,
  nameProblem,
  readViews,
  renameView,
  saveView,
  type Views,
  viewOf,
  writeViews,
} from "./views";

const mine: Views = {
  list: [
    { name: "Mine", filter: { status: ["failed"], metadata: { customer: "1138" } } },
    { name: "Other", filter: { text: "x" } },
  ],
  first: "Mine",
};

describe("saved views", () => {
  it("come back as they were kept", () => {
    expect(readViews(writeViews(mine))).toEqual(mine);
  });

  it.each(["", "null", "[]", '{"list":3}', '{"list":[null,{"name":""},{"name":"a"},{"name":1,"search":{}}]}', "{"])(
    "survive a broken store: %s",
    (text) => expect(readViews(text).list).toEqual([]),
  );

  it("begin with nothing that is not there", () => {
    expect(readViews('{"list":[],"first":"gone"}').first).toBeUndefined();
    expect(readViews('{"list":[],"first":"Open"}').first).toBe("Open");
  });

  it("are saved, replaced, renamed and deleted", () => {
    const replaced = saveView(mine, " Mine ", { text: "y" });
    expect(replaced.list).toHaveLength(2);
    expect(findView(replaced, "Mine")?.filter).toEqual({ text: "y" });
    expect(saveView(mine, "Third", {}).list.map((view) => view.name)).toEqual(["Mine", "Other", "Third"]);
    const renamed = renameView(mine, "Mine", "New");
    expect(renamed.first).toBe("New");
    expect(renamed.list[0]?.name).toBe("New");
    expect(deleteView(mine, "Mine")).toEqual({ list: [mine.list[1]] });
    expect(deleteView(mine, "Other").first).toBe("Mine");
    expect(beginWith(mine, undefined)).toEqual({ list: mine.list });
  });

  it("are never more than can be read again", () => {
    let views: Views = { list: [] };
    for (let i = 0; i < 80; i++) views = saveView(views, `View ${i}`, { text: String(i) });
    expect(readViews(writeViews(views))).toEqual(views);
    expect(views.list.at(-1)?.name).toBe("View 79");
  });

  it("have names that tell them apart", () => {
    expect(nameProblem(mine, "  ")).toContain("name");
    expect(nameProblem(mine, "x".repeat(61))).toContain("60");
    expect(nameProblem(mine, "Everything")).toContain("everybody");
    expect(nameProblem(mine, "Mine")).toBeUndefined();
    expect(nameProblem(mine, "Mine", "Other")).toContain("Another");
    expect(nameProblem(mine, "Mine", "Mine")).toBeUndefined();
  });

  it("are recognised by their filter", () => {
    expect(viewOf(mine, { metadata: { customer: "1138" }, status: ["failed"] })?.name).toBe("Mine");
    expect(viewOf(mine, {})).toBe(builtIn[0]);
    expect(viewOf(mine, { text: "z" })).toBeUndefined();
  });
});

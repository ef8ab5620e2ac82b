import { beforeEach, describe, expect, it } from "vitest";
import { enters } from "./data";
import { anEvent, aRow, idOf } from "./factory";
import { ExecutionList, firstPage, grace, type ListPage, pageSize } from "./list";
import { belongs, type Row, tellsEnough } from "./row";
import type { ExecutionFilter } from "./search";

// A server with executions 0 to count-1, newest first, whose cursors are ids.
class Server {
  rows: Row[];
  calls: (string | null)[] = [];
  singles: string[] = [];
  fail: Error | undefined;
  constructor(
    count: number,
    readonly filter: ExecutionFilter = {},
  ) {
    this.rows = Array.from({ length: count }, (_, i) => aRow(i)).reverse();
  }
  start(n: number, change: Parameters<typeof aRow>[1] = {}): void {
    this.rows.unshift(aRow(n, change));
  }
  change(n: number, change: Partial<Row>): void {
    this.rows = this.rows.map((row) => (row.id === idOf(n) ? { ...row, revision: row.revision + 1, ...change } : row));
  }
  readonly load = async (cursor: string | null, limit: number): Promise<ListPage> => {
    this.calls.push(cursor);
    if (this.fail) throw this.fail;
    const matching = this.rows.filter(
      (row) => belongs(row, this.filter, Date.now()) && (cursor === null || row.id < cursor),
    );
    const rows = matching.slice(0, limit);
    return { rows, next: matching.length > limit ? (rows.at(-1)?.id ?? null) : null };
  };
  readonly loadOne = async (id: string): Promise<Row | undefined> => {
    this.singles.push(id);
    return this.rows.find((row) => row.id === id);
  };
}

let now = 0;
beforeEach(() => {
  now = 1_000_000;
});

function listFor(server: Server): ExecutionList {
  return new ExecutionList({
    load: server.load,
    loadOne: server.loadOne,
    belongs: (row) => belongs(row, server.filter, Date.now()),
    enters: (event) => enters(event, server.filter, Date.now()),
    foretell: tellsEnough(server.filter),
    now: () => now,
  });
}

async function begun(server: Server): Promise<ExecutionList> {
  const list = listFor(server);
  await list.begin();
  return list;
}
const ids = (list: ExecutionList) => list.snapshot().rows.map((row) => row.id);
const range = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => idOf(from - i));

describe("pages", () => {
  it("follow each other without holes or doubles to the end", async () => {
    const list = await begun(new Server(firstPage + pageSize + 7));
    expect(list.snapshot().rows).toHaveLength(firstPage);
    expect(list.snapshot().more).toBe(true);
    await Promise.all([list.loadMore(), list.loadMore()]);
    expect(list.snapshot().rows).toHaveLength(firstPage + pageSize);
    await list.loadMore();
    expect(ids(list)).toEqual(range(firstPage + pageSize + 6, 0));
    expect(list.snapshot().more).toBe(false);
    await list.loadMore();
    expect(ids(list)).toHaveLength(firstPage + pageSize + 7);
  });

  it("say why they could not be read, and go on after it", async () => {
    const server = new Server(200);
    server.fail = new Error("away");
    const list = await begun(server);
    expect(list.snapshot()).toMatchObject({ phase: "failed", error: server.fail });
    server.fail = undefined;
    await list.begin();
    expect(list.snapshot()).toMatchObject({ phase: "ready", error: undefined });
    server.fail = new Error("away again");
    await list.loadMore();
    expect(list.snapshot()).toMatchObject({ phase: "ready", error: server.fail, loadingMore: false });
    server.fail = undefined;
    await list.loadMore();
    expect(list.snapshot()).toMatchObject({ error: undefined });
    expect(list.snapshot().rows).toHaveLength(150);
  });

  it("tell how far back a search got", async () => {
    const pages: ListPage[] = [
      { rows: [], next: "far", searchedUntil: "2026-11-21T00:00:00Z" },
      { rows: [aRow(1)], next: null },
    ];
    const list = new ExecutionList({
      load: async () => pages.shift() ?? { rows: [], next: null },
      loadOne: async () => undefined,
      belongs: () => true,
      enters: () => true,
    });
    await list.begin();
    expect(list.snapshot()).toMatchObject({ more: true, searchedUntil: "2026-11-21T00:00:00Z", rows: [] });
    await list.loadMore();
    expect(list.snapshot()).toMatchObject({ more: false, searchedUntil: undefined });
    expect(ids(list)).toEqual([idOf(1)]);
  });
});

describe("events", () => {
  it("change a row at once, and the server's word replaces the guess", async () => {
    const server = new Server(3);
    const list = await begun(server);
    expect(list.apply([anEvent(1, { type: "progressed", status: "running", progress: 0.5 })])).toBe(false);
    expect(list.snapshot().rows[1]).toMatchObject({ status: "running", progress: 0.5 });
    expect(list.apply([anEvent(1, { revision: 5 })])).toBe(true);
    expect(list.snapshot().rows[1]).toMatchObject({ status: "completed", completed_at: anEvent(1).at });
    server.change(1, { status: "completed", revision: 5, completed_at: "2026-11-22T09:00:00Z" });
    await list.refresh();
    expect(list.snapshot().rows[1]?.completed_at).toBe("2026-11-22T09:00:00Z");
  });

  it("that are older than the row change nothing", async () => {
    const list = await begun(new Server(1));
    const before = list.snapshot();
    list.apply([anEvent(0, { revision: 3 })]);
    expect(list.snapshot().rows).toEqual(before.rows);
  });

  it("do not lose against a page that was read before them", async () => {
    const server = new Server(1);
    const list = await begun(server);
    list.apply([anEvent(0, { revision: 9 })]);
    await list.refresh();
    expect(list.snapshot().rows[0]).toMatchObject({ revision: 9, status: "completed" });
  });

  it("of unknown executions ask for the newest page only when they may bring them in", async () => {
    const all = await begun(new Server(1));
    expect(all.apply([anEvent(7, { type: "created", status: "pending" })])).toBe(true);
    expect(all.apply([anEvent(7)])).toBe(false);
    const failed = await begun(new Server(1, { status: ["failed"], workflow: "echo" }));
    expect(failed.apply([anEvent(7, { type: "created", status: "pending" })])).toBe(false);
    expect(failed.apply([anEvent(7, { type: "failed", status: "failed" })])).toBe(true);
    expect(failed.apply([anEvent(7, { type: "failed", status: "failed", workflow: "other" })])).toBe(false);
  });

  it("of rows below the newest page read these again, a few at a time", async () => {
    const server = new Server(400);
    const list = await begun(server);
    await list.loadMore();
    await list.loadMore();
    server.change(200, { status: "waiting", status_reason: "timer", revision: 4 });
    expect(list.apply([anEvent(200, { type: "suspended", status: "waiting" })])).toBe(true);
    await list.refresh();
    expect(server.singles).toEqual([idOf(200)]);
    expect(list.snapshot().rows.find((row) => row.id === idOf(200))?.status_reason).toBe("timer");
    list.apply(range(180, 150).map((_, i) => anEvent(180 - i)));
    server.singles = [];
    await list.refresh();
    expect(server.singles.length).toBeLessThanOrEqual(8);
  });
});

describe("new rows", () => {
  it("appear at the top when the reader is there", async () => {
    const server = new Server(60);
    const list = await begun(server);
    server.start(60);
    await list.refresh();
    expect(ids(list)[0]).toBe(idOf(60));
    expect([...list.snapshot().fresh]).toEqual([idOf(60)]);
    expect(list.snapshot().arrived).toBe(0);
    list.calm();
    expect(list.snapshot().fresh.size).toBe(0);
    await list.loadMore();
    expect(ids(list)).toEqual(range(60, 0));
  });

  it("are shown by their event alone, and completed by the next page", async () => {
    const server = new Server(60);
    const list = await begun(server);
    server.start(60, { status: "running", revision: 2, metadata: { customer: "1138" } });
    const created = anEvent(60, { type: "created", status: "pending", revision: 1 });
    expect(list.apply([created, anEvent(60, { type: "claimed", status: "running", revision: 2 })])).toBe(true);
    expect(list.snapshot().rows[0]).toMatchObject({ id: idOf(60), status: "running", workflow: "echo" });
    list.apply([anEvent(60, { revision: 3 })]);
    await list.refresh();
    expect(list.snapshot().rows[0]).toMatchObject({ revision: 3, status: "completed", metadata: { customer: "1138" } });
    expect(ids(list)).toEqual(range(60, 0).slice(0, ids(list).length));
    expect(new Set(ids(list)).size).toBe(ids(list).length);
  });

  it("are not foretold where their event does not tell whether they match", async () => {
    const server = new Server(3, { metadata: { customer: "1138" } });
    const list = await begun(server);
    list.apply([anEvent(60, { type: "created", status: "pending", revision: 1 })]);
    expect(ids(list)).toEqual([]);
  });

  it("that were foretold wrongly go", async () => {
    const server = new Server(3);
    const list = await begun(server);
    list.apply([anEvent(60, { type: "created", status: "pending", revision: 1 })]);
    expect(ids(list)[0]).toBe(idOf(60));
    await list.refresh();
    now += grace;
    list.sweep();
    expect(ids(list)).toEqual(range(2, 0));
  });

  it("wait while the reader is further down, and nothing moves", async () => {
    const server = new Server(60);
    const list = await begun(server);
    list.setAtTop(false);
    const before = ids(list);
    server.start(60);
    server.start(61);
    await list.refresh();
    expect(ids(list)).toEqual(before);
    expect(list.snapshot()).toMatchObject({ arrived: 2, arrivedMore: false });
    list.showArrived();
    expect(ids(list).slice(0, 3)).toEqual([idOf(61), idOf(60), idOf(59)]);
    expect(list.snapshot().arrived).toBe(0);
  });

  it("are shown when the reader comes back to the top", async () => {
    const server = new Server(5);
    const list = await begun(server);
    list.setAtTop(false);
    server.start(5);
    await list.refresh();
    list.setAtTop(true);
    expect(ids(list)[0]).toBe(idOf(5));
  });

  it("leave no hole when more came than a page holds", async () => {
    const server = new Server(60);
    const list = await begun(server);
    list.setAtTop(false);
    for (let n = 60; n < 400; n++) server.start(n);
    await list.refresh();
    expect(list.snapshot()).toMatchObject({ arrived: firstPage, arrivedMore: true });
    list.showArrived();
    expect(ids(list)).toEqual(range(399, 400 - firstPage));
    await list.loadMore();
    expect(ids(list)).toEqual(range(399, 400 - firstPage - pageSize));
  });

  it("enter in their place when a state brings an old one in", async () => {
    const server = new Server(10, { status: ["failed"] });
    server.change(2, { status: "failed" });
    server.change(8, { status: "failed" });
    const list = await begun(server);
    expect(ids(list)).toEqual([idOf(8), idOf(2)]);
    server.change(5, { status: "failed" });
    expect(list.apply([anEvent(5, { type: "failed", status: "failed" })])).toBe(true);
    await list.refresh();
    expect(ids(list)).toEqual([idOf(8), idOf(5), idOf(2)]);
  });
});

describe("rows that do not match any more", () => {
  it("show their new state for a moment, and go", async () => {
    const server = new Server(3, { status: ["running"] });
    const list = await begun(server);
    server.change(1, { status: "completed" });
    list.apply([anEvent(1)]);
    expect(list.snapshot().rows[1]).toMatchObject({ status: "completed" });
    expect([...list.snapshot().leaving]).toEqual([idOf(1)]);
    await list.refresh();
    expect(ids(list)).toContain(idOf(1));
    expect(list.nextDeparture()).toBe(grace);
    now += grace;
    list.sweep();
    expect(ids(list)).toEqual([idOf(2), idOf(0)]);
    expect(list.snapshot().leaving.size).toBe(0);
    expect(list.nextDeparture()).toBeUndefined();
  });

  it("stay under the eyes of a reader who is further down", async () => {
    const server = new Server(3, { status: ["running"] });
    const list = await begun(server);
    list.setAtTop(false);
    server.change(1, { status: "completed" });
    list.apply([anEvent(1)]);
    now += 10 * grace;
    list.sweep();
    await list.refresh();
    expect(ids(list)).toEqual(range(2, 0));
    list.setAtTop(true);
    list.sweep();
    expect(ids(list)).toEqual([idOf(2), idOf(0)]);
  });

  it("come back when they match again", async () => {
    const server = new Server(2, { status: ["running"] });
    const list = await begun(server);
    list.apply([anEvent(1, { type: "suspended", status: "waiting", revision: 4 })]);
    expect(list.snapshot().leaving.size).toBe(1);
    list.apply([anEvent(1, { type: "claimed", status: "running", revision: 6 })]);
    expect(list.snapshot().leaving.size).toBe(0);
  });

  it("go when they were deleted", async () => {
    const server = new Server(3);
    const list = await begun(server);
    server.rows = server.rows.filter((row) => row.id !== idOf(1));
    await list.refresh();
    now += grace;
    list.sweep();
    expect(ids(list)).toEqual([idOf(2), idOf(0)]);
  });
});

describe("after a pause", () => {
  it("rows further down are brought up to date too", async () => {
    const server = new Server(500);
    const list = await begun(server);
    for (let i = 0; i < 4; i++) await list.loadMore();
    server.change(120, { status: "failed" });
    server.change(450, { status: "failed" });
    server.rows = server.rows.filter((row) => row.id !== idOf(130));
    server.calls = [];
    await list.refreshAll();
    const states = new Map(list.snapshot().rows.map((row) => [row.id, row.status]));
    expect(states.get(idOf(120))).toBe("failed");
    expect(states.get(idOf(450))).toBe("failed");
    expect(list.snapshot().leaving.has(idOf(130))).toBe(true);
    expect(server.calls.length).toBeLessThanOrEqual(6);
  });
});

describe("a long stream", () => {
  it("does not grow the list", async () => {
    const server = new Server(60);
    const list = await begun(server);
    for (let i = 0; i < 3; i++) await list.loadMore();
    let most = 0;
    for (let n = 60; n < 2_060; n++) {
      server.start(n);
      list.apply([anEvent(n, { type: "created", status: "pending", revision: 1 })]);
      if (n % 20 === 0) {
        server.rows.length = Math.min(server.rows.length, 700);
        await list.refresh();
        most = Math.max(most, list.snapshot().rows.length);
      }
    }
    await list.refresh();
    expect(most).toBeLessThanOrEqual(700);
    expect(ids(list)[0]).toBe(idOf(2_059));
    const before = ids(list);
    await list.loadMore();
    const after = ids(list);
    expect(after).toEqual(range(2_059, 2_060 - after.length));
    expect(after.length).toBeGreaterThan(before.length);
  });
});

import { describe, expect, it } from "vitest";
import { type Kind, kindOrder } from "./kinds";
import { modelOf, type Row, triesOf, visibleRows } from "./model";
import { randomFrom, type Simulated, simulate, time } from "./simulation";
import type { Segment } from "./spans";
import { timeTotals, totalsOf } from "./totals";
import type { Event, Execution, Step } from "./wire";

const start = Date.UTC(2026, 10, 22, 9);

/** A short hand for events: [ms since the start, type, more]. */
type Line = [at: number, type: Event["type"], more?: Partial<Event>];

function eventsOf(lines: Line[]): Event[] {
  return lines.map(([at, type, more], i) => ({
    revision: i + 1,
    type,
    at: time(start + at),
    actor: { type: "engine" },
    status: "running",
    ...more,
  }));
}

const plus = (ms: number) => time(start + ms);

function execution(more: Partial<Execution> = {}): Execution {
  return {
    id: "exec_01jd7x0m8ke9tb3a0r6v5n2w4q",
    workflow_id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q",
    workflow: { id: "wf_01jd7x0m8ke9tb3a0r6v5n2w4q", name: "order" },
    status: "running",
    status_reason: "executing",
    revision: 1,
    attempt: 1,
    input: {},
    priority: 0,
    trigger_type: "api",
    created_at: plus(0),
    started_at: plus(0),
    ...more,
  };
}

function step(name: string, more: Partial<Step> = {}): Step {
  return { id: `step_${name}`, name, kind: "step", status: "completed", attempt: 1, attempts: [], ...more };
}

/** [kind, from, to] since the start; null goes on. */
const shape = (segments: Segment[]) =>
  segments.map((s): [Kind, number, number | null] => [s.kind, s.from - start, s.to === null ? null : s.to - start]);

describe("the execution's own time", () => {
  it("is queued until the first claim, then runs, and the handler has what no step covers", () => {
    const model = modelOf(
      execution({ status: "completed", completed_at: plus(2000) }),
      [step("a", { started_at: plus(1300), completed_at: plus(1700), attempts: [attempt(1300, 1700)] })],
      eventsOf([
        [0, "created", { status: "pending" }],
        [1200, "claimed", { attempt: 1 }],
        [1700, "step_completed", { step: "a" }],
        [2000, "completed", { status: "completed" }],
      ]),
      start + 9000,
    );
    expect(shape(model.timeline)).toEqual([
      ["queued", 0, 1200],
      ["handler", 1200, 1300],
      ["running", 1300, 1700],
      ["handler", 1700, 2000],
    ]);
    expect(model.end).toBe(start + 2000);
  });

  it("is scheduled until its start time, and open ends have none", () => {
    const events = eventsOf([[0, "created", { status: "created", until: plus(5000) }]]);
    const model = modelOf(execution({ status: "created", scheduled_at: plus(5000) }), [], events, start + 100);
    expect(model.timeline).toEqual([{ kind: "scheduled", from: start, to: null, until: start + 5000 }]);
    expect(model.end).toBeNull();
  });

  it("names a parked phase after the oldest open wait, before a sleep and a backoff", () => {
    const steps = [
      step("nap", { kind: "sleep", status: "waiting", started_at: plus(10), until: plus(90_000) }),
      step("boss", { kind: "approval", status: "waiting", started_at: plus(20) }),
      step("paid", { kind: "signal", status: "waiting", started_at: plus(30) }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [10, "sleep_started", { step: "nap", until: plus(90_000) }],
      [20, "wait_started", { step: "boss", wait: "approval" }],
      [30, "wait_started", { step: "paid", wait: "signal" }],
      [40, "suspended", { status: "waiting", until: plus(90_000) }],
    ]);
    const { timeline, changesAt } = modelOf(execution({ status: "waiting" }), steps, events, start + 1000);
    expect(shape(timeline).at(-1)).toEqual(["approval", 40, null]);
    expect(changesAt).toBe(start + 90_000);
  });

  it.each([
    [
      "the worker let go: a claim follows",
      [
        [7000, "retried"],
        [7100, "claimed"],
      ] satisfies Line[],
      "backoff",
      "queued",
    ],
    [
      "another branch was busy: it went on",
      [[7000, "step_started", { step: "a" }]] satisfies Line[],
      "backoff",
      "running",
    ],
  ])("a long backoff when %s", (_, then, during, afterwards) => {
    const steps = [
      step("a", {
        status: "running",
        started_at: plus(0),
        attempts: [attempt(0, 1000, "broken"), ...(afterwards === "running" ? [attempt(7000)] : [])],
        ...(afterwards === "queued" ? { next_attempt_at: plus(7000) } : {}),
      }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [1000, "step_failed", { step: "a", until: plus(7000), code: "broken" }],
      ...then,
    ]);
    const kinds = shape(modelOf(execution(), steps, events, start + 8000).timeline);
    expect(kinds.find(([, from]) => from === 1000)).toEqual([during, 1000, 7000]);
    expect(kinds.find(([, from]) => from === 7000)?.[0]).toBe(afterwards);
  });

  it("tells an open long backoff from a handler that is still held by the reason", () => {
    const steps = [
      step("a", {
        status: "running",
        started_at: plus(0),
        next_attempt_at: plus(60_000),
        attempts: [attempt(0, 10, "x")],
      }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [10, "step_failed", { step: "a", until: plus(60_000), code: "x" }],
    ]);
    const released = modelOf(execution({ status_reason: "retry_backoff" }), steps, events, start + 100);
    expect(released.timeline.at(-1)).toEqual({ kind: "backoff", from: start + 10, to: null, until: start + 60_000 });
    const held = modelOf(execution({ status_reason: "executing" }), steps, events, start + 100);
    expect(held.timeline.at(-1)).toEqual({ kind: "backoff", from: start + 10, to: null, attempt: 1 });
  });

  it("counts the time after a request to cancel, and after the outcome, by itself", () => {
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [500, "cancel_requested", { until: plus(5500) }],
      [900, "finalizing", { status: "finalizing" }],
      [1000, "cancelled", { status: "cancelled" }],
    ]);
    const { timeline } = modelOf(execution({ status: "cancelled" }), [], events, start + 5000);
    expect(shape(timeline)).toEqual([
      ["handler", 0, 500],
      ["cancelling", 500, 900],
      ["finalizing", 900, 1000],
    ]);
  });

  it("makes do without events", () => {
    const done = modelOf(
      execution({ status: "completed", started_at: plus(100), completed_at: plus(900) }),
      [step("a", { started_at: plus(200), completed_at: plus(400), attempts: [attempt(200, 400)] })],
      [],
      start + 5000,
    );
    expect(shape(done.timeline)).toEqual([
      ["queued", 0, 100],
      ["handler", 100, 200],
      ["running", 200, 400],
      ["handler", 400, 900],
    ]);
  });

  it("never puts the present before what is told of: a clock that is behind makes nothing negative", () => {
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [3000, "claimed"],
    ]);
    const { now, timeline } = modelOf(execution(), [], events, start + 1000);
    expect(now).toBe(start + 3000);
    expect(shape(timeline)).toEqual([
      ["queued", 0, 3000],
      ["handler", 3000, null],
    ]);
  });
});

function attempt(from: number, to?: number, code?: string): Step["attempts"][number] {
  return {
    attempt: 1,
    execution_attempt: 1,
    started_at: plus(from),
    ...(to === undefined ? {} : { completed_at: plus(to) }),
    ...(code === undefined ? {} : { error_code: code, error: `it said ${code}` }),
  };
}

describe("rows of steps", () => {
  it("show backoff by its own end, then the wait for a worker, then the next try", () => {
    const steps = [
      step("charge", {
        started_at: plus(0),
        completed_at: plus(9500),
        attempts: [attempt(0, 1000, "declined"), attempt(9000, 9500)],
      }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [1000, "step_failed", { step: "charge", until: plus(6000), code: "declined" }],
      [6010, "retried"],
      [8500, "claimed"],
      [9500, "step_completed", { step: "charge" }],
    ]);
    const row = modelOf(execution(), steps, events, start + 9600).steps[0] as Row;
    expect(shape(row.segments)).toEqual([
      ["running", 0, 1000],
      ["backoff", 1000, 6000],
      ["queued", 6010, 8500],
      ["running", 9000, 9500],
    ]);
    expect(row.segments[0]).toMatchObject({
      outcome: "failed",
      code: "declined",
      message: "it said declined",
      attempt: 1,
    });
    expect(row.segments[3]).toMatchObject({ outcome: "completed", attempt: 2 });
    const tries = triesOf(row);
    expect(tries.map((t) => [t.key, t.status, t.error])).toEqual([
      ["step_charge/1", "failed", "it said declined"],
      ["step_charge/2", "completed", undefined],
    ]);
    expect(shape(tries[0]?.segments ?? []).map(([k]) => k)).toEqual(["running", "backoff", "queued"]);
    expect(tries[0]?.to).toBe(start + 1000);
  });

  it("tell a try whose worker was lost, though both tries have the same number", () => {
    const steps = [
      step("risky", {
        started_at: plus(0),
        completed_at: plus(9000),
        attempts: [attempt(0, 5000, "lease_lost"), attempt(8000, 9000)],
      }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [0, "step_started", { step: "risky" }],
      [5000, "lease_lost"],
      [7000, "claimed"],
      [9000, "step_completed", { step: "risky" }],
    ]);
    const model = modelOf(execution(), steps, events, start + 9000);
    const row = model.steps[0] as Row;
    expect(shape(row.segments)).toEqual([
      ["running", 0, 5000],
      ["queued", 5000, 7000],
      ["running", 8000, 9000],
    ]);
    expect(row.segments[0]?.outcome).toBe("lost");
    expect(triesOf(row).map((t) => t.attempt)).toEqual([1, 2]);
    expect(model.claims.map((c) => [c.attempt, c.status, c.to === null])).toEqual([
      [1, "failed", false],
      [2, "running", true],
    ]);
    expect(visibleRows(model, new Set(["", "step_risky"])).map((r) => r.key)).toEqual([
      "",
      "/1",
      "/2",
      "step_risky",
      "step_risky/1",
      "step_risky/2",
    ]);
  });

  it("show the backoff of the whole handler on the steps that begin anew", () => {
    const steps = [
      step("a", {
        started_at: plus(0),
        completed_at: plus(6000),
        attempts: [attempt(0, 100, "bad"), attempt(5500, 6000)],
      }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [100, "step_failed", { step: "a", code: "bad" }],
      [110, "attempt_failed", { until: plus(5000), code: "bad" }],
      [5000, "retried"],
      [5200, "claimed"],
      [6000, "step_completed", { step: "a" }],
    ]);
    const model = modelOf(execution(), steps, events, start + 6000);
    expect(shape(model.steps[0]?.segments ?? [])).toEqual([
      ["running", 0, 100],
      ["backoff", 110, 5000],
      ["queued", 5000, 5200],
      ["running", 5500, 6000],
    ]);
    expect(model.claims[0]).toMatchObject({ status: "failed", error: "bad" });
  });

  it("show the wait for a worker after a wait, but not when a worker had the execution all the time", () => {
    const waits = (more: Partial<Step>) => [
      step("ok", { kind: "approval", started_at: plus(10), completed_at: plus(700), ...more }),
    ];
    const parked = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [10, "wait_started", { step: "ok", wait: "approval" }],
      [20, "suspended", { status: "waiting" }],
      [700, "wait_ended", { step: "ok", outcome: "rejected" }],
      [900, "claimed"],
    ]);
    const row = modelOf(execution(), waits({ status: "rejected" }), parked, start + 950).steps[0] as Row;
    expect(shape(row.segments)).toEqual([
      ["approval", 10, 700],
      ["queued", 700, 900],
    ]);
    expect(row.segments[0]?.outcome).toBe("rejected");
    expect(row.to).toBe(start + 700);

    const held = parked.filter((e) => e.type !== "suspended" && e.revision < 6);
    const busy = modelOf(execution(), waits({}), held, start + 950).steps[0] as Row;
    expect(shape(busy.segments)).toEqual([["approval", 10, 700]]);
  });

  it("end a sleep at its time though its step was read before", () => {
    const steps = [step("nap", { kind: "sleep", status: "waiting", started_at: plus(0), until: plus(4000) })];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
      [0, "sleep_started", { step: "nap", until: plus(4000) }],
      [1, "suspended", { status: "waiting", until: plus(4000) }],
    ]);
    const before = modelOf(execution({ status: "waiting" }), steps, events, start + 3999);
    expect(before.steps[0]?.segments).toEqual([{ kind: "sleeping", from: start, to: null, until: start + 4000 }]);
    expect(before.changesAt).toBe(start + 4000);
    const later = modelOf(execution({ status: "waiting" }), steps, events, start + 4000);
    expect(shape(later.steps[0]?.segments ?? [])).toEqual([["sleeping", 0, 4000]]);
    expect(later.changesAt).toBeNull();
  });

  it("give overridden steps no time", () => {
    const steps = [step("given", { overridden: true, started_at: plus(0), completed_at: plus(0), attempts: [] })];
    const row = modelOf(execution(), steps, eventsOf([[0, "created", { status: "pending" }]]), start + 10)
      .steps[0] as Row;
    expect(row).toMatchObject({ overridden: true, segments: [], from: start, to: start });
  });

  it("come in the order of their beginning", () => {
    const steps = [
      step("late", { started_at: plus(50), completed_at: plus(60), attempts: [attempt(50, 60)] }),
      step("early", { started_at: plus(10), completed_at: plus(90), attempts: [attempt(10, 90)] }),
    ];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [0, "claimed"],
    ]);
    expect(modelOf(execution(), steps, events, start + 100).steps.map((r) => r.name)).toEqual(["early", "late"]);
  });
});

describe("totals", () => {
  it("say how the time was spent, in words and in the order of a life", () => {
    const steps = [step("ok", { kind: "approval", started_at: plus(2200), completed_at: plus(7_202_200) })];
    const events = eventsOf([
      [0, "created", { status: "pending" }],
      [1200, "claimed"],
      [2200, "wait_started", { step: "ok", wait: "approval" }],
      [2200, "suspended", { status: "waiting" }],
      [7_202_200, "wait_ended", { step: "ok", outcome: "approved" }],
      [7_202_700, "claimed"],
      [7_204_700, "completed", { status: "completed" }],
    ]);
    const totals = timeTotals(execution({ status: "completed" }), steps, events, start);
    expect(totals.kinds.map((kind) => kind.text)).toEqual(["queued 1.70 s", "ran 3.00 s", "waited for approval 2 h"]);
    expect(totals.handler).toBe(3000);
    expect(totals.total).toBe(7_204_700);
  });

  it("grow with the clock without a new model", () => {
    const events = eventsOf([[0, "created", { status: "pending" }]]);
    const x = execution({ status: "pending" });
    expect(timeTotals(x, [], events, start + 1000).total).toBe(1000);
    expect(timeTotals(x, [], events, start + 61_000).kinds.map((kind) => kind.text)).toEqual(["queued 1 min 1 s"]);
  });
});

/** What must hold of every waterfall, whatever it was made from. One expectation for all of it: there are very many. */
function flawOf(seen: Pick<Simulated, "execution" | "steps" | "events" | "now">): string | undefined {
  const model = modelOf(seen.execution, seen.steps, seen.events, seen.now);
  const now = model.end ?? model.now;
  let at = model.start;
  for (const [i, s] of model.timeline.entries()) {
    if (s.from !== at) return `the timeline has a gap from ${at} to ${s.from}`;
    const last = i === model.timeline.length - 1;
    if ((s.to === null) !== (model.end === null && last)) return "the timeline goes on in its middle or ends too early";
    at = s.to ?? now;
    if (at < s.from) return "the timeline goes back";
  }
  if (at !== now) return "the timeline does not reach the present";
  const rows = visibleRows(model, new Set(["", ...model.steps.map((r) => r.key)]));
  for (const row of rows) {
    let end = row.from;
    if (row.from < model.start) return `${row.key} begins too early`;
    for (const [i, s] of row.segments.entries()) {
      if (s.from < end) return `segments of ${row.key} overlap`;
      end = s.to ?? now;
      if (end < s.from || end > now) return `a segment of ${row.key} ends at a wrong time`;
      if (s.to === null && i < row.segments.length - 1) return `a segment in the middle of ${row.key} goes on`;
      if (s.to === null && model.end !== null) return `${row.key} goes on in what has ended`;
    }
  }
  if (new Set(rows.map((r) => r.key)).size !== rows.length) return "two rows have one key";
  const totals = totalsOf(model, seen.now);
  if (totals.total !== now - model.start) return "the total is not the whole";
  if (totals.kinds.reduce((sum, k) => sum + k.ms, 0) !== totals.total) return "the kinds do not add up";
  return undefined;
}

// Many lives: on a busy machine they take their time.
describe("random lives", { timeout: 60_000 }, () => {
  const seeds = Array.from({ length: 120 }, (_, i) => i + 1);
  const check = (seed: number, seen: Parameters<typeof flawOf>[0]) => {
    const flaw = flawOf(seen);
    if (flaw !== undefined) expect.fail(`seed ${seed}: ${flaw}`);
  };

  it("are told as they happened, whole or cut anywhere", () => {
    for (const seed of seeds) {
      for (const cut of [false, true]) {
        const seen = simulate(seed, { cut });
        const totals = new Map<Kind, number>();
        const unknown = unannounced(seen);
        for (const t of seen.truth) {
          const kind = unknown !== undefined && t.kind === "running" && t.from >= unknown ? "handler" : t.kind;
          totals.set(kind, (totals.get(kind) ?? 0) + t.to - t.from);
        }
        const model = modelOf(seen.execution, seen.steps, seen.events, seen.now);
        const told = new Map<Kind, number>();
        for (const s of model.timeline) {
          const ms = (s.to ?? seen.now) - s.from;
          if (ms > 0) told.set(s.kind, (told.get(s.kind) ?? 0) + ms);
        }
        const wrong = kindOrder.find((kind) => told.get(kind) !== totals.get(kind));
        if (wrong) expect.fail(`seed ${seed}, cut ${cut}: ${wrong} ${told.get(wrong)} instead of ${totals.get(wrong)}`);
      }
    }
  });

  it("make well-formed waterfalls", () => {
    for (const seed of seeds) {
      check(seed, simulate(seed));
      check(seed, simulate(seed, { cut: true }));
    }
  });

  it("make well-formed waterfalls though parts of what is known are missing, old, or from another reading", () => {
    for (const seed of seeds) {
      const random = randomFrom(seed);
      const whole = simulate(seed);
      const cut = simulate(seed, { cut: true });
      const holes = whole.events.filter(() => random() < 0.7);
      check(seed, { ...whole, events: holes });
      check(seed, { ...whole, events: [] });
      check(seed, { ...cut, events: whole.events });
      check(seed, { ...cut, steps: whole.steps });
      check(seed, { ...whole, execution: cut.execution });
      check(seed, { ...whole, events: [...whole.events].sort(() => random() - 0.5) });
      check(seed, { ...whole, events: whole.events.map((e) => ({ ...e, at: time(start + random() * 1e8) })) });
      check(seed, { ...cut, now: cut.now - random() * 1e7 });
    }
  });
});

/** When the try began that was in flight and that no event had told of. */
function unannounced(seen: Simulated): number | undefined {
  const last = seen.truth[seen.truth.length - 1];
  if (last?.kind !== "running" || seen.execution.completed_at !== undefined) return undefined;
  const told = seen.events.some((e) => e.type === "step_started" && Date.parse(e.at) === last.from);
  const over = seen.events.some(
    (e) => e.at === time(last.to) && (e.type === "step_completed" || e.type === "step_failed"),
  );
  return told || over ? undefined : last.from;
}

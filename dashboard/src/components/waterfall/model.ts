import type { Kind, Outcome } from "./kinds";
import { type Occupancy, occupy } from "./occupancy";
import { type Life, lifeOf, type Phase } from "./phases";
import { covered, firstEndingAfter, type Interval, type Segment } from "./spans";
import { type Event, type Execution, millis, type Status, type Step } from "./wire";

/** What a row stands for. */
export type RowKind = "execution" | "claim" | "step" | "sleep" | "signal" | "approval" | "try";

/** A row of the waterfall. */
export interface Row {
  /** Unique in the waterfall, and the same at each reading: "" is the execution. */
  key: string;
  kind: RowKind;
  /** Depth in the tree, from 1. */
  level: 1 | 2 | 3;
  name: string;
  status: Status;
  /** The id of the step, of rows of steps and their tries. */
  step?: string;
  /** Of a try or a claim: its place among its siblings, from 1. */
  attempt?: number;
  /** It did not run: its output came with the start. */
  overridden: boolean;
  from: number;
  /** Null while it goes on. */
  to: number | null;
  segments: Segment[];
  /** How many rows are nested in it; one alone is not worth nesting. */
  tries: number;
  error?: string;
}

/** A waterfall without its clock: what grows has no end. */
export interface Model {
  execution: Row;
  /** How often a worker took it: rows nested in the execution's. */
  claims: Row[];
  /** Steps, by their beginning. */
  steps: Row[];
  /** The whole life without gaps or overlaps, by kind. */
  timeline: Segment[];
  start: number;
  /** Null while the execution is open. */
  end: number | null;
  /** The instant it was made for: not before anything that is told of. */
  now: number;
  /** When the clock alone changes more than lengths: the model must be made anew then. Null: never. */
  changesAt: number | null;
}

/** Makes the waterfall of one execution from what is known of it. Steps and events may be of different readings. */
export function modelOf(execution: Execution, steps: readonly Step[], events: readonly Event[], clock: number): Model {
  const life = lifeOf(execution, events);
  const now = life.end ?? Math.max(clock, life.latest);
  const build = new Build(life, events, now);
  const rows = steps.map((step) => build.step(step)).sort((a, b) => a.from - b.from);
  const timeline = occupy(life.phases, build.occupancy, now);
  const root: Row = {
    key: "",
    kind: "execution",
    level: 1,
    name: execution.workflow?.name ?? "",
    status: execution.status,
    overridden: false,
    from: life.start,
    to: life.end,
    segments: timeline,
    tries: 0,
  };
  if (execution.error) root.error = execution.error;
  const claims = build.claims(timeline);
  root.tries = claims.length > 1 ? claims.length : 0;
  return {
    execution: root,
    claims,
    steps: rows,
    timeline,
    start: life.start,
    end: life.end,
    now,
    changesAt: life.end === null ? build.changesAt : null,
  };
}

/** The rows that are nested in one of steps: its tries, each with what followed it. */
export function triesOf(row: Row): Row[] {
  const tries: Row[] = [];
  for (const segment of row.segments) {
    const n = segment.attempt;
    if (n === undefined) continue;
    let last = tries[tries.length - 1];
    if (last?.attempt !== n) {
      last = {
        key: `${row.key}/${n}`,
        kind: "try",
        level: 3,
        name: row.name,
        status: "running",
        attempt: n,
        overridden: false,
        from: segment.from,
        to: segment.to,
        segments: [],
        tries: 0,
      };
      if (row.step !== undefined) last.step = row.step;
      tries.push(last);
    }
    last.segments.push(segment);
    if (segment.kind === "running") {
      last.to = segment.to;
      last.status = statusOf(segment.outcome, segment.to === null);
      const error = segment.message ?? segment.code;
      if (error) last.error = error;
    }
  }
  return tries;
}

/** The rows to show, in order, with the nested ones of those that are expanded. */
export function visibleRows(model: Model, expanded: ReadonlySet<string>): Row[] {
  const out: Row[] = [model.execution];
  if (model.execution.tries > 0 && expanded.has("")) out.push(...model.claims);
  for (const row of model.steps) {
    out.push(row);
    if (row.tries > 0 && expanded.has(row.key)) out.push(...triesOf(row));
  }
  return out;
}

function statusOf(outcome: Outcome | undefined, open: boolean): Status {
  switch (outcome) {
    case "failed":
    case "lost":
    case "timeout":
      return "failed";
    case "cancelled":
    case "interrupted":
      return "cancelled";
    case "rejected":
      return "rejected";
    default:
      return open ? "running" : "completed";
  }
}

class Build {
  readonly occupancy: Occupancy = { running: [], waits: [], sleeps: [], backoffs: [] };
  changesAt: number | null = null;

  /** When the next try comes, by the step and the end of the try that failed. */
  private readonly retries = new Map<string, number | undefined>();
  private readonly queues: Phase[];
  private readonly restarts: Phase[];
  private readonly open: boolean;

  constructor(
    private readonly life: Life,
    events: readonly Event[],
    private readonly now: number,
  ) {
    this.open = life.end === null;
    this.queues = life.phases.filter((p) => p.kind === "queued");
    this.restarts = life.phases.filter((p) => p.kind === "backoff" && p.whole);
    for (const e of events) {
      if (e.type === "step_failed" && e.step !== undefined) this.retries.set(`${e.at} ${e.step}`, millis(e.until));
    }
  }

  step(step: Step): Row {
    const from = this.clamp(millis(step.started_at) ?? firstStart(step) ?? this.life.start);
    const row: Row = {
      key: step.id,
      kind: step.kind,
      level: 2,
      name: step.name,
      status: step.status,
      step: step.id,
      overridden: step.overridden === true,
      from,
      to: from,
      segments: [],
      tries: 0,
    };
    const error = step.error ?? step.error_code;
    if (error) row.error = error;
    if (row.overridden) return row;
    if (step.kind === "step") this.tries(row, step);
    else this.wait(row, step);
    // The wait for a worker after a wait is drawn on its row, but it was over before.
    const end = step.kind === "step" ? row.segments[row.segments.length - 1] : row.segments[0];
    if (end !== undefined) row.to = end.to;
    return row;
  }

  /** How often a worker took the execution, each time with what it did with it. */
  claims(timeline: readonly Segment[]): Row[] {
    const rows: Row[] = [];
    for (const phase of this.life.phases) {
      if (phase.kind !== "held" && phase.kind !== "cancelling") continue;
      const segments = [...covered(timeline, phase.from, phase.to ?? Number.POSITIVE_INFINITY)].map((c) => c.part);
      let row = rows[rows.length - 1];
      if (phase.kind !== "cancelling" || row === undefined) {
        const n = rows.length + 1;
        row = {
          key: `/${n}`,
          kind: "claim",
          level: 2,
          name: "",
          status: "running",
          attempt: n,
          overridden: false,
          from: phase.from,
          to: phase.to,
          segments: [],
          tries: 0,
        };
        rows.push(row);
      }
      row.to = phase.to;
      row.status = statusOf(phase.outcome, phase.to === null);
      row.segments.push(...segments);
      const last = row.segments[row.segments.length - 1];
      if (last !== undefined && phase.outcome !== undefined && last.to === phase.to) {
        // The timeline is shared: its own segment stays as it is.
        row.segments[row.segments.length - 1] = { ...last, outcome: phase.outcome };
      }
      const error = phase.outcome === "completed" ? undefined : (phase.message ?? phase.code);
      if (error) row.error = error;
    }
    return rows;
  }

  private tries(row: Row, step: Step): void {
    let at = row.from;
    const goesOn = step.status === "running" || step.status === "waiting";
    if (step.attempts.length === 0) {
      const end = millis(step.completed_at);
      this.run(row, { kind: "running", from: at, to: this.end(end, goesOn) });
      return;
    }
    row.tries = step.attempts.length > 1 ? step.attempts.length : 0;
    step.attempts.forEach((attempt, i) => {
      const n = i + 1;
      const ended = millis(attempt.completed_at);
      const last = n === step.attempts.length;
      const from = Math.max(at, this.clamp(millis(attempt.started_at) ?? ended ?? at));
      const to = ended === undefined && !last ? from : this.end(ended, last && goesOn);
      const failed = attempt.completed_at !== undefined && this.retries.has(`${attempt.completed_at} ${step.name}`);
      const outcome = failed ? "failed" : outcomeOf(attempt.error_code, to === null);
      const segment: Segment = { kind: "running", from, to: to === null ? null : Math.max(from, to), attempt: n };
      if (outcome !== undefined) segment.outcome = outcome;
      if (attempt.error_code) segment.code = attempt.error_code;
      if (attempt.error) segment.message = attempt.error;
      this.run(row, segment);
      if (segment.to === null) return;
      at = segment.to;
      const next = last ? undefined : millis((step.attempts[n] as Step["attempts"][number]).started_at);
      if (last ? !goesOn || !this.open : next === undefined) return;
      at = this.pause(row, step, at, next === undefined ? null : this.clamp(next), n, outcome, attempt.completed_at);
    });
  }

  /** What lies between a try and the next one: its backoff and waits for a worker. The next one may be to come. */
  private pause(
    row: Row,
    step: Step,
    from: number,
    next: number | null,
    attempt: number,
    outcome: Outcome | undefined,
    ended: string | undefined,
  ): number {
    const end = next ?? this.now;
    let at = from;
    if (outcome === "failed") {
      const told =
        this.retries.get(`${ended ?? ""} ${step.name}`) ?? (next === null ? millis(step.next_attempt_at) : undefined);
      // Without its event nobody knows when the delay was over: the next try is as good a guess as any.
      const until = told ?? (this.retries.size === 0 ? end : undefined);
      if (until !== undefined && until > from) {
        const open = next === null && until > this.now;
        const segment: Segment = {
          kind: "backoff",
          from,
          to: open ? null : Math.min(until, Math.max(end, from)),
          attempt,
        };
        if (told !== undefined) segment.until = told;
        this.push(row, segment);
        this.occupancy.backoffs.push({ from, to: open ? Number.POSITIVE_INFINITY : (segment.to ?? from) });
        if (open) {
          this.changes(until);
          return end;
        }
        at = segment.to ?? from;
      }
    }
    this.queued(row, at, end, next === null, attempt, true);
    return Math.max(at, end);
  }

  private wait(row: Row, step: Step): void {
    const until = millis(step.until);
    const completed = millis(step.completed_at);
    const ended = step.kind === "sleep" ? least(completed, until) : completed;
    const goesOn = this.open && (ended === undefined || ended > this.now);
    const to = goesOn ? null : Math.max(row.from, this.clamp(ended ?? this.life.end ?? this.now));
    const segment: Segment = { kind: step.kind === "step" ? "sleeping" : sleepOr(step.kind), from: row.from, to };
    if (until !== undefined) segment.until = until;
    const outcome = goesOn ? undefined : waitOutcome(step);
    if (outcome !== undefined) segment.outcome = outcome;
    this.push(row, segment);
    const interval: Interval = { from: row.from, to: to ?? Number.POSITIVE_INFINITY };
    if (step.kind === "sleep") this.occupancy.sleeps.push(interval);
    else if (step.kind !== "step") this.occupancy.waits.push({ ...interval, kind: step.kind });
    if (goesOn) {
      if (step.kind === "sleep" && until !== undefined) this.changes(until);
      return;
    }
    if (to === null || outcome === "cancelled") return;
    const next = this.unparked(to);
    // It waits for a worker only when none had the execution as the wait ended.
    if (next?.kind === "queued") {
      this.queued(row, Math.max(to, next.from), next.to ?? this.now, next.to === null, undefined, false);
    }
  }

  /** The first phase after the instant, or at it, in which the execution is not at rest. */
  private unparked(at: number): Phase | undefined {
    const phases = this.life.phases;
    let i = firstEndingAfter(phases, at);
    while (phases[i]?.kind === "parked" || phases[i]?.kind === "backoff") i++;
    return phases[i];
  }

  /** The waits for a worker within an interval, and the backoffs of the whole handler. */
  private queued(
    row: Row,
    from: number,
    to: number,
    open: boolean,
    attempt: number | undefined,
    restarts: boolean,
  ): void {
    const found: Segment[] = [];
    const add = (kind: Kind, phases: readonly Phase[]) => {
      for (const c of covered(phases, from, open ? Number.POSITIVE_INFINITY : to)) {
        const segment: Segment = { kind, from: c.from, to: open && c.part.to === null ? null : c.to };
        if (c.part.until !== undefined) segment.until = c.part.until;
        if (attempt !== undefined) segment.attempt = attempt;
        found.push(segment);
      }
    };
    add("queued", this.queues);
    if (restarts) add("backoff", this.restarts);
    for (const segment of found.sort((a, b) => a.from - b.from)) this.push(row, segment);
  }

  private run(row: Row, segment: Segment): void {
    this.push(row, segment);
    this.occupancy.running.push({ from: segment.from, to: segment.to ?? Number.POSITIVE_INFINITY });
  }

  private push(row: Row, segment: Segment): void {
    row.segments.push(segment);
  }

  /** The end of something that may go on: null, or an instant of the execution's life. */
  private end(ended: number | undefined, goesOn: boolean): number | null {
    if (ended !== undefined) return this.clamp(ended);
    return goesOn && this.open ? null : this.now;
  }

  private clamp(at: number): number {
    return Math.min(Math.max(at, this.life.start), this.now);
  }

  private changes(at: number): void {
    if (at > this.now && (this.changesAt === null || at < this.changesAt)) this.changesAt = at;
  }
}

function firstStart(step: Step): number | undefined {
  return millis(step.attempts[0]?.started_at ?? step.attempts[0]?.completed_at ?? step.completed_at);
}

function outcomeOf(code: string | undefined, open: boolean): Outcome | undefined {
  if (open) return undefined;
  switch (code) {
    case undefined:
      return "completed";
    case "lease_lost":
      return "lost";
    case "interrupted":
      return "interrupted";
    case "cancelled":
      return "cancelled";
    default:
      return "failed";
  }
}

function waitOutcome(step: Step): Outcome | undefined {
  if (step.status === "cancelled" || step.status === "rejected") return step.status;
  const end = step.output;
  if (typeof end === "object" && end !== null && "outcome" in end && end.outcome === "timeout") return "timeout";
  return "completed";
}

function sleepOr(kind: "sleep" | "signal" | "approval"): Kind {
  return kind === "sleep" ? "sleeping" : kind;
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

import classes from "./Bars.module.css";
import type { Kind, Outcome } from "./kinds";

/** A piece of a bar, to stand beside what says what it is. */
export function Swatch({ kind, outcome, open }: { kind: Kind; outcome?: Outcome | undefined; open?: boolean }) {
  return (
    <span className={classes.swatch} aria-hidden>
      <span className={classes.bar} data-kind={kind} data-outcome={outcome} data-open={open || undefined} />
    </span>
  );
}

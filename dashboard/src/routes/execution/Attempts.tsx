import type { ReactNode } from "react";
import { Duration } from "@/components/Duration";
import { TimeText } from "@/components/TimeText";
import classes from "./Attempts.module.css";
import shared from "./shared.module.css";

/** Attempts one below the other, in a box that scrolls when they are many. */
export function Attempts({ children }: { children: ReactNode }) {
  return <ol className={classes.list}>{children}</ol>;
}

interface Props {
  number: number;
  when: ReactNode;
  /** Makes it a button. */
  onPress?: () => void;
  pressed?: boolean;
  /** How it ended. */
  children: ReactNode;
}

export function AttemptItem({ number, when, onPress, pressed, children }: Props) {
  const cells = (
    <>
      <span className={classes.number}>{number}</span>
      <span className={classes.when}>{when}</span>
      <span className={classes.text}>{children}</span>
    </>
  );
  return (
    <li>
      {onPress ? (
        <button
          type="button"
          className={`${shared.press} ${classes.attempt} ${classes.press}`}
          aria-pressed={pressed}
          onClick={onPress}
        >
          {cells}
        </button>
      ) : (
        <div className={classes.attempt}>{cells}</div>
      )}
    </li>
  );
}

/** When something began, and for how long it went on or goes on. */
export function Span({ from, to }: { from: string; to: string | undefined }) {
  return (
    <>
      <TimeText value={from} /> · <Duration from={from} to={to} />
    </>
  );
}

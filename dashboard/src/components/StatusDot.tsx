import type { ReactNode } from "react";
import classes from "./Status.module.css";
import { type Status, statusColor } from "./status";

// Each state has a form too, so that nothing is said by colour alone.
const glyphs: Record<Status, ReactNode> = {
  created: (
    <circle cx="8" cy="8" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2.2 2.3" />
  ),
  pending: <circle cx="8" cy="8" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  running: (
    <>
      <circle cx="8" cy="8" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" opacity="0.28" />
      <path
        d="M8 2.25A5.75 5.75 0 0 1 13.75 8"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.75"
        strokeLinecap="round"
      />
      <circle cx="8" cy="8" r="2.25" fill="currentColor" />
    </>
  ),
  waiting: (
    <>
      <circle cx="8" cy="8" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M6.4 5.9v4.2M9.6 5.9v4.2" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  finalizing: (
    <>
      <circle cx="8" cy="8" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M8 4.5a3.5 3.5 0 1 1-3.5 3.5H8z" fill="currentColor" />
    </>
  ),
  completed: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" />
      <path
        className={classes.cut}
        d="M5.3 8.2l1.9 1.9 3.6-3.9"
        fill="none"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </>
  ),
  failed: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" />
      <path className={classes.cut} d="M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2" strokeWidth="1.6" strokeLinecap="round" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" />
      <path className={classes.cut} d="M5.2 8h5.6" strokeWidth="1.6" strokeLinecap="round" />
    </>
  ),
  rejected: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" />
      <path className={classes.cut} d="M8 4.7v3.9M8 11.15v.05" strokeWidth="1.7" strokeLinecap="round" />
    </>
  ),
};

/** The state as a small sign. With label it is named for those who do not see it; beside its name leave that out. */
export function StatusDot({ status, size = 14, label }: { status: Status; size?: number; label?: string }) {
  return (
    <svg
      className={status === "running" ? `${classes.dot} ${classes.spin}` : classes.dot}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      style={{ color: statusColor(status) }}
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
    >
      {glyphs[status]}
    </svg>
  );
}

import type { ReactNode } from "react";
import { CodeBlock } from "./CodeBlock";
import classes from "./EmptyState.module.css";

interface Props {
  /** An icon of @tabler/icons-react, at its own size. */
  icon?: ReactNode;
  title: string;
  /** What this place is for, and what to do next. */
  children?: ReactNode;
  /** The exact command that puts something here. */
  command?: string;
  action?: ReactNode;
}

/** What a list says when there is nothing in it. */
export function EmptyState({ icon, title, children, command, action }: Props) {
  return (
    <div className={classes.empty}>
      {icon && (
        <div className={classes.icon} aria-hidden>
          {icon}
        </div>
      )}
      <h2 className={classes.title}>{title}</h2>
      {children && <div className={classes.text}>{children}</div>}
      {command && (
        <div className={classes.command}>
          <CodeBlock code={command} what="command" />
        </div>
      )}
      {action && <div className={classes.action}>{action}</div>}
    </div>
  );
}

import type { ReactNode } from "react";
import classes from "./Panel.module.css";

interface Props {
  /** An h2. */
  title?: ReactNode;
  /** Beside the title, at the right. */
  actions?: ReactNode;
  /** Without space around the content: tables, code. */
  flush?: boolean;
  children: ReactNode;
}

/** A part of a page with a line around it. */
export function Panel({ title, actions, flush = false, children }: Props) {
  return (
    <section className={classes.panel}>
      {(title || actions) && (
        <div className={classes.head}>
          {title && <h2 className={classes.title}>{title}</h2>}
          {actions && <div className={classes.actions}>{actions}</div>}
        </div>
      )}
      <div className={flush ? undefined : classes.content}>{children}</div>
    </section>
  );
}

interface FactsProps {
  items: readonly (readonly [name: string, value: ReactNode])[];
  /** Of short values, in a narrow place. */
  dense?: boolean;
}

/** Names and values: the facts about a thing. */
export function Facts({ items, dense = false }: FactsProps) {
  return (
    <dl className={classes.facts} data-dense={dense || undefined}>
      {items.map(([name, value]) => (
        <div key={name} className={classes.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

import { Fragment, type ReactNode } from "react";
import classes from "./Page.module.css";

interface Props {
  title: ReactNode;
  /** Beside the title: badges, counts. */
  badges?: ReactNode;
  /** One sentence, or whatever belongs right under the title. */
  description?: ReactNode;
  /** Links to the pages above this one. */
  breadcrumbs?: readonly ReactNode[];
  /** Buttons; the main one last. */
  actions?: ReactNode;
}

/** The only h1 of a page. */
export function PageHeader({ title, badges, description, breadcrumbs, actions }: Props) {
  return (
    <header className={classes.header}>
      <div className={classes.heading}>
        {breadcrumbs && breadcrumbs.length > 0 && (
          <nav className={classes.crumbs} aria-label="Breadcrumbs">
            {breadcrumbs.map((crumb, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: crumbs are a path; its place is what names one
              <Fragment key={i}>
                {crumb}
                <span aria-hidden>/</span>
              </Fragment>
            ))}
          </nav>
        )}
        <h1 className={classes.title}>
          {title}
          {badges}
        </h1>
        {description !== undefined && <div className={classes.description}>{description}</div>}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </header>
  );
}

import { type ReactNode, useEffect } from "react";
import { useSession } from "@/services/session";
import classes from "./Page.module.css";

/** The frame of a page: its title in the tab, its width, its space. wide uses the whole window, for tables and timelines. */
export function Page({ title, wide = true, children }: { title: string; wide?: boolean; children: ReactNode }) {
  const { info } = useSession();
  useEffect(() => {
    document.title = `${title} · ${info.project.name} · Sojourn`;
  }, [title, info.project.name]);
  return (
    <div className={classes.page} data-wide={wide || undefined}>
      {children}
    </div>
  );
}

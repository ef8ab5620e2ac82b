import classes from "./CodeBlock.module.css";
import { CopyButton } from "./CopyButton";

interface Props {
  code: string;
  /** What it is, for the button and for those who do not see it: "command". */
  what?: string;
  /** Breaks long lines instead of scrolling. */
  wrap?: boolean;
  /** In pixels; scrolls beyond. */
  maxHeight?: number;
}

/** Text to copy: a command, a stack, a snippet. */
export function CodeBlock({ code, what = "text", wrap = false, maxHeight }: Props) {
  return (
    <div className={classes.block}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields */}
      <pre
        className={classes.pre}
        data-wrap={wrap || undefined}
        style={{ maxHeight }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        role="group"
        aria-label={what}
      >
        <code>{code}</code>
      </pre>
      <div className={classes.copy}>
        <CopyButton value={code} label={`Copy the ${what}`} />
      </div>
    </div>
  );
}

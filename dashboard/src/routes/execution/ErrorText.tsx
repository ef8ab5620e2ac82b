import classes from "./ErrorText.module.css";

/** The text of an error as it is, with its lines; a long one scrolls. */
export function ErrorText({ children }: { children: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    // biome-ignore lint/a11y/useSemanticElements: it is no set of fields
    <pre className={classes.text} tabIndex={0} role="group" aria-label="Error message">
      {children}
    </pre>
  );
}

import { CopyButton } from "./CopyButton";
import classes from "./Identifier.module.css";

interface Props {
  value: string;
  /** Only its beginning and end, all of it on hover: for tables. */
  short?: boolean;
  /** Without the button to copy it. */
  bare?: boolean;
  /** What it is, for the button: "execution id". */
  what?: string;
}

/** An id in the fixed font, with a button that copies it. */
export function Identifier({ value, short = false, bare = false, what = "id" }: Props) {
  const text = short && value.length > 18 ? `${value.slice(0, 8)}…${value.slice(-6)}` : value;
  return (
    <span className={classes.identifier}>
      <code className={classes.code} title={short ? value : undefined}>
        {text}
      </code>
      {!bare && <CopyButton value={value} label={`Copy the ${what}`} size={20} />}
    </span>
  );
}

import classes from "./Dash.module.css";

/** What stands where there is nothing to show: a dash, which a row on a phone leaves out. */
export const Dash = () => (
  <span className={classes.dash} data-dash aria-hidden>
    –
  </span>
);

import { Button } from "@mantine/core";
import { IconAlertTriangle, IconPlugConnectedX, IconRefresh } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { ApiError } from "@/services/api";
import classes from "./ErrorPanel.module.css";
import { Identifier } from "./Identifier";

/** What happened, and what to do about it. */
export function explain(error: unknown): { title: string; advice: string } {
  if (!(error instanceof ApiError)) {
    return {
      title: "This page made a mistake",
      advice: `Load it again. If it comes back, report it with this text: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  const after = error.retryAfter === undefined ? "" : ` It asked to wait ${error.retryAfter} s.`;
  switch (error.code) {
    case "unreachable":
      return {
        title: "The server does not answer",
        advice: "Check that it is running and that you are online, then try again.",
      };
    case "unauthenticated":
      return {
        title: "You are not signed in any more",
        advice: "The session ended or its key was revoked. Sign in again.",
      };
    case "forbidden":
      return { title: "This key may not do that", advice: `${error.detail} Sign in with a key that has the scope.` };
    case "not_found":
      return {
        title: "Not found",
        advice:
          error.errors.length > 0
            ? "This names something that does not exist in this project, or was deleted:"
            : "It does not exist in this project, or it was deleted. Check the address, or go back to the list.",
      };
    case "deleted":
      return {
        title: "Deleted",
        advice: "It was removed by hand or because it was older than the workflow keeps executions.",
      };
    case "rate_limited":
      return { title: "Too many requests", advice: `The server slows this key down.${after}` };
    case "invalid_request":
    case "invalid_json":
      return { title: "The server did not accept that", advice: error.detail };
    case "internal":
      return {
        title: "The server made a mistake",
        advice: "Try again. If it comes back, look for the request id in the server's log.",
      };
    case "unavailable":
    case "backlog_full":
    case "insufficient_storage":
      return { title: "The server cannot do this now", advice: `${error.detail}${after}` };
    default:
      return { title: error.status >= 500 ? "The server made a mistake" : "The server refused", advice: error.detail };
  }
}

interface Props {
  error: unknown;
  /** Asks again. */
  onRetry?: () => void;
  /** Instead of the general title: "The executions could not be loaded". */
  title?: string;
  /** Less space, within a panel or dialog. */
  compact?: boolean;
}

/** An error, in full sentences, with what to do next. */
export function ErrorPanel({ error, onRetry, title, compact = false }: Props) {
  const said = explain(error);
  const api = error instanceof ApiError ? error : undefined;
  const Icon = api?.code === "unreachable" ? IconPlugConnectedX : IconAlertTriangle;
  return (
    <div className={classes.panel} data-compact={compact || undefined} role="alert">
      <Icon className={classes.icon} size={18} stroke={1.7} aria-hidden />
      <div className={classes.body}>
        <div className={classes.title}>{title ?? said.title}</div>
        <div className={classes.advice}>
          {title ? `${said.title}. ` : ""}
          {said.advice}
        </div>
        {api && api.errors.length > 0 && (
          <ul className={classes.fields}>
            {api.errors.map((field) => (
              <li key={`${field.field} ${field.code} ${field.message}`}>
                {field.field && <code>{field.field}</code>} {field.message}
              </li>
            ))}
          </ul>
        )}
        <div className={classes.foot}>
          {onRetry && (
            <Button variant="default" leftSection={<IconRefresh size={14} />} onClick={onRetry}>
              Try again
            </Button>
          )}
          {api?.code === "unauthenticated" && (
            <Link to="/signin" className={classes.link}>
              Sign in
            </Link>
          )}
          {api?.requestId && (
            <span className={classes.request}>
              Request <Identifier value={api.requestId} what="request id" />
            </span>
          )}
        </div>
      </div>
    </div>
  );
}

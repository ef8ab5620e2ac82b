import {
  IconActivity,
  IconInbox,
  IconKey,
  IconRoute,
  IconServer2,
  IconServerBolt,
  IconWebhook,
} from "@tabler/icons-react";
import type { Scope } from "@/services/session";

/** The places of the navigation, in its order; keys is the second one after g. What has no scope is for every key. */
export const places = [
  { to: "/executions", label: "Executions", icon: IconActivity, keys: "e", scope: "executions:read", group: "work" },
  { to: "/workflows", label: "Workflows", icon: IconRoute, keys: "w", scope: "workflows:read", group: "work" },
  { to: "/inbox", label: "Inbox", icon: IconInbox, keys: "a", scope: "executions:read", group: "work" },
  { to: "/workers", label: "Workers", icon: IconServerBolt, keys: "k", scope: "workflows:read", group: "project" },
  { to: "/webhooks", label: "Webhooks", icon: IconWebhook, keys: "h", scope: "webhooks:manage", group: "project" },
  { to: "/keys", label: "API keys", icon: IconKey, keys: "p", scope: "keys:manage", group: "project" },
  { to: "/system", label: "System", icon: IconServer2, keys: "s", scope: null, group: "project" },
] as const satisfies readonly {
  to: string;
  label: string;
  icon: unknown;
  keys: string;
  scope: Scope | null;
  group: string;
}[];

import { IconLock } from "@tabler/icons-react";
import type { Scope } from "@/services/session";
import { useSession } from "@/services/session";
import { EmptyState } from "./EmptyState";

/** A page or part of one that the key may not see: which scope is missing, and how to get a key that has it. */
export function Missing({
  scope,
  what,
}: {
  scope: Scope /** "see who works": what the scope would allow. */;
  what: string;
}) {
  const { info } = useSession();
  return (
    <EmptyState
      icon={<IconLock size={28} stroke={1.4} />}
      title={`This needs the scope ${scope}`}
      command={`sojourn key create --scopes ${[...info.key.scopes, scope].join(",")}`}
    >
      The key you signed in with, {info.key.name || info.key.id}, may not {what}. Whoever manages keys can make one that
      may:
    </EmptyState>
  );
}

import { Tooltip } from "@mantine/core";
import { IconFile } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { address } from "@/services/api";
import { filesQuery } from "@/services/execution";
import { useSession } from "@/services/session";
import classes from "./Files.module.css";
import { type FileRef, formatBytes } from "./files";
import shared from "./shared.module.css";

/** Files that payloads of an execution refer to, to be downloaded while they are there. */
export function Files({ execution, files }: { execution: string; files: readonly FileRef[] }) {
  const { can } = useSession();
  const allowed = can("files:read");
  const stored = useQuery({ ...filesQuery(execution), enabled: allowed });
  if (stored.error) return <ErrorPanel error={stored.error} compact onRetry={() => void stored.refetch()} />;
  const known = new Map(stored.data?.files.map((file) => [file.id, file]));
  return (
    <ul className={classes.files}>
      {files.map((ref) => {
        const file = known.get(ref.id);
        const gone = stored.data?.complete === true && file === undefined;
        const size = file?.size ?? ref.size;
        const sum = file?.sha256 ?? ref.sha256;
        const type = file?.mime_type ?? ref.type;
        const name = file?.filename ?? ref.name;
        return (
          <li key={ref.id} className={classes.file}>
            <IconFile size={16} stroke={1.6} aria-hidden className={classes.icon} />
            <span className={classes.name}>
              {allowed && !gone ? (
                <a href={address("/v1/files/{id}/content", { id: ref.id })} download={name} className={shared.link}>
                  {name}
                </a>
              ) : (
                <Tooltip label={gone ? "The file was deleted." : "Your key lacks the scope files:read."}>
                  {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard reaches the reason here */}
                  <span className={shared.muted} tabIndex={0}>
                    {name}
                    {gone && " (deleted)"}
                  </span>
                </Tooltip>
              )}
              <span className={classes.places}>{ref.places.join(", ")}</span>
            </span>
            <span className={classes.facts}>
              {size !== undefined && <span>{formatBytes(size)}</span>}
              {type && <span>{type}</span>}
              {sum && (
                <span className={classes.sum}>
                  SHA-256 <Identifier value={sum} short what="SHA-256" />
                </span>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

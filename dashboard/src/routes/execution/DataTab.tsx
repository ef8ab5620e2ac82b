import { Tooltip } from "@mantine/core";
import { IconFile } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useMemo } from "react";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Identifier } from "@/components/Identifier";
import { JsonView } from "@/components/JsonView";
import { Panel } from "@/components/Panel";
import { isFinal } from "@/components/status";
import { address } from "@/services/api";
import { type Execution, filesQuery } from "@/services/execution";
import { useSession } from "@/services/session";
import classes from "./Execution.module.css";
import { type FileRef, fileRefs, formatBytes } from "./files";

/** Input, output and error, as they are. */
export function DataTab({ execution }: { execution: Execution }) {
  const x = execution;
  const over = isFinal(x.status);
  const files = useMemo(() => fileRefs({ input: x.input, output: x.output }), [x.input, x.output]);
  const failed = x.error !== undefined || x.error_code !== undefined || x.error_details !== undefined;
  return (
    <div className={classes.data}>
      {failed && (
        <Panel title="Error" flush>
          <JsonView
            label="Error"
            value={{
              ...(x.error_code === undefined ? {} : { code: x.error_code }),
              ...(x.error === undefined ? {} : { message: x.error }),
              ...(x.error_details === undefined ? {} : { details: x.error_details }),
            }}
          />
        </Panel>
      )}
      <Panel title="Input" flush>
        {x.input === null ? (
          <Nothing>It was removed, with all other data of the execution.</Nothing>
        ) : (
          <JsonView value={x.input} label="Input" />
        )}
      </Panel>
      <Panel title="Output" flush>
        {x.output !== undefined ? (
          <JsonView value={x.output} label="Output" />
        ) : (
          <Nothing>
            {x.redacted
              ? "It was removed, with all other data of the execution."
              : !over
                ? "It comes when the execution completes."
                : x.status === "completed"
                  ? "The handler returned nothing."
                  : `There is none: the execution ended ${x.status}.`}
          </Nothing>
        )}
      </Panel>
      {files.length > 0 && (
        <Panel title="Files" flush>
          <Files execution={x.id} files={files} />
        </Panel>
      )}
    </div>
  );
}

function Nothing({ children }: { children: ReactNode }) {
  return <p className={classes.nothing}>{children}</p>;
}

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
            <IconFile size={16} stroke={1.6} aria-hidden className={classes.fileIcon} />
            <span className={classes.fileName}>
              {allowed && !gone ? (
                <a href={address("/v1/files/{id}/content", { id: ref.id })} download={name} className={classes.link}>
                  {name}
                </a>
              ) : (
                <Tooltip label={gone ? "The file was deleted." : "Your key lacks the scope files:read."}>
                  {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard reaches the reason here */}
                  <span className={classes.muted} tabIndex={0}>
                    {name}
                    {gone && " (deleted)"}
                  </span>
                </Tooltip>
              )}
              <span className={classes.muted}>{ref.places.join(", ")}</span>
            </span>
            <span className={classes.fileFacts}>
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

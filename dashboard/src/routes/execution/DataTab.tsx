import { type ReactNode, useMemo } from "react";
import { JsonView } from "@/components/JsonView";
import { Panel } from "@/components/Panel";
import { isFinal } from "@/components/status";
import type { Execution } from "@/services/execution";
import classes from "./DataTab.module.css";
import { Files } from "./Files";
import { fileRefs } from "./files";
import shared from "./shared.module.css";

/** Input, output and error, as they are. */
export function DataTab({ execution }: { execution: Execution }) {
  const x = execution;
  const over = isFinal(x.status);
  const files = useMemo(() => fileRefs({ input: x.input, output: x.output }), [x.input, x.output]);
  const failed = x.error !== undefined || x.error_code !== undefined || x.error_details !== undefined;
  return (
    <div className={classes.data}>
      <div className={classes.column}>
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
      </div>
      <div className={classes.column}>
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
    </div>
  );
}

function Nothing({ children }: { children: ReactNode }) {
  return <p className={shared.nothing}>{children}</p>;
}

import { Button } from "@mantine/core";
import { IconEye, IconRotate } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "@/components/ActionButton";
import { CodeBlock } from "@/components/CodeBlock";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Panel } from "@/components/Panel";
import { BlockSkeleton } from "@/components/skeletons";
import { TimeText } from "@/components/TimeText";
import { callbackSecretQuery, useRotateCallbackSecret } from "@/services/webhooks";
import { RotateDialog } from "./RotateDialog";
import { VerifyHowTo } from "./VerifyHowTo";
import classes from "./webhooks.module.css";

/** The secret that signs callbacks: shown when asked for, and replaced. */
export function CallbackSecret() {
  const [shown, setShown] = useState(false);
  const [rotating, setRotating] = useState(false);
  // Reading makes the first secret, and no secret shall come to a screen unasked.
  const secrets = useQuery({ ...callbackSecretQuery, enabled: shown });
  const rotate = useRotateCallbackSecret();
  return (
    <>
      <Panel
        title="Secret of callbacks"
        flush
        actions={
          <>
            {shown && (
              <Button variant="subtle" color="gray" onClick={() => setShown(false)}>
                Hide
              </Button>
            )}
            <ActionButton
              scope="webhooks:manage"
              leftSection={<IconRotate size={14} />}
              onClick={() => setRotating(true)}
            >
              Make a new one
            </ActionButton>
          </>
        }
      >
        <div className={classes.pad}>
          <p>
            A callback is the one message that goes to the <code>callback_url</code> of a start when the execution has
            ended. All callbacks of the project are signed with this secret; each endpoint has its own.
          </p>
          {!shown && (
            <p>
              <Button variant="default" leftSection={<IconEye size={14} />} onClick={() => setShown(true)}>
                Show the secret
              </Button>
            </p>
          )}
        </div>
        {shown && secrets.isPending && <BlockSkeleton lines={2} />}
        {shown && secrets.isError && (
          <ErrorPanel error={secrets.error} compact onRetry={() => void secrets.refetch()} />
        )}
        {shown &&
          secrets.data?.map((each, i) => (
            <div key={each.created_at} className={classes.secret}>
              <div className={classes.secretHead}>
                <span>{i === 0 ? "Signs now" : "Signs beside it"}</span>
                <span>
                  made <TimeText value={each.created_at} />
                </span>
                {each.expires_at && (
                  <span>
                    ends <TimeText value={each.expires_at} />
                  </span>
                )}
              </div>
              <CodeBlock code={each.secret} what="secret" wrap />
            </div>
          ))}
      </Panel>
      <div className={classes.section}>
        <VerifyHowTo />
      </div>
      <RotateDialog
        opened={rotating}
        onClose={() => setRotating(false)}
        of="callbacks"
        onRotate={async (grace) => {
          await rotate(grace);
          setShown(true);
        }}
      />
    </>
  );
}

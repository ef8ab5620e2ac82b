import { Button, PasswordInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { createLazyRoute, useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { CodeBlock } from "@/components/CodeBlock";
import { ErrorPanel } from "@/components/ErrorPanel";
import { Logo } from "@/components/Logo";
import { ApiError } from "@/services/api";
import { onFragmentKey } from "@/services/fragment";
import { queryClient } from "@/services/query";
import { sessionKey, signIn } from "@/services/session";
import classes from "./SignInPage.module.css";

export const Route = createLazyRoute("/signin")({ component: SignInPage });

function SignInPage() {
  const router = useRouter();
  const { to } = Route.useSearch();
  const [key, setKey] = useState("");
  const attempt = useMutation({
    mutationFn: signIn,
    onSuccess: (session) => {
      // Another key may see another project.
      queryClient.clear();
      queryClient.setQueryData(sessionKey, session);
      router.history.replace(to ?? "/executions");
    },
  });
  const { mutate } = attempt;
  useEffect(() => {
    document.title = "Sign in · Sojourn";
  }, []);
  // A link that brings a key leaves nothing to do by hand.
  useEffect(() => onFragmentKey(mutate), [mutate]);

  const refused = attempt.error instanceof ApiError && attempt.error.status === 401;
  return (
    <main className={classes.page}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Logo size={28} />
          Sojourn
        </div>
        <h1 className={classes.title}>Sign in</h1>
        <p className={classes.text}>
          With an API key of the project that you want to see. The page shows what the key may see.
        </p>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (key.trim() !== "") mutate(key.trim());
          }}
        >
          <PasswordInput
            label="API key"
            size="sm"
            placeholder="sjn_live_…"
            autoComplete="current-password"
            spellCheck={false}
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            error={refused ? "The server does not know this key, or it was revoked." : undefined}
            data-autofocus
            autoFocus
          />
          <Button
            type="submit"
            size="sm"
            fullWidth
            mt="md"
            loading={attempt.isPending}
            disabled={key.trim() === "" && !attempt.isPending}
          >
            Sign in
          </Button>
        </form>
        {attempt.isError && !refused && (
          <div className={classes.error}>
            <ErrorPanel error={attempt.error} compact />
          </div>
        )}
        <div className={classes.help}>
          <p>On the server&rsquo;s machine, this prints an address that signs you in:</p>
          <CodeBlock code="sojourn dashboard" what="command" />
        </div>
      </div>
    </main>
  );
}

import { Button, type ButtonProps, Tooltip } from "@mantine/core";
import type { MouseEventHandler, ReactNode } from "react";
import { type Scope, useSession } from "@/services/session";

interface Props extends Omit<ButtonProps, "disabled"> {
  /** The scope that the action needs; without it the button is disabled and says so. */
  scope?: Scope;
  /** Why the action is impossible now, as a sentence; disables the button and is its tooltip. */
  unavailable?: string | false | undefined;
  onClick?: MouseEventHandler<HTMLButtonElement>;
  type?: "button" | "submit";
  children: ReactNode;
}

/** A button that knows what the key may do. Disabled it stays reachable, so that it can say why. */
export function ActionButton({ scope, unavailable, onClick, type = "button", children, ...props }: Props) {
  const { can } = useSession();
  const why = scope && !can(scope) ? `Your key lacks the scope ${scope}.` : unavailable || undefined;
  const button = (
    <Button
      variant="default"
      {...props}
      type={type}
      data-disabled={why ? true : undefined}
      aria-disabled={why ? true : undefined}
      onClick={why ? (event) => event.preventDefault() : onClick}
    >
      {children}
    </Button>
  );
  return why ? <Tooltip label={why}>{button}</Tooltip> : button;
}

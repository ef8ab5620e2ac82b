import {
  ActionIcon,
  AppShell,
  Burger,
  Menu,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconCheck,
  IconClock,
  IconDeviceDesktop,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconSearch,
  IconSun,
  IconUser,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouter, useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { Logo } from "@/components/Logo";
import { isMac, useShortcut } from "@/hooks/shortcuts";
import { type TimeFormat, useTimeFormat } from "@/hooks/useTimeFormat";
import { useInboxCount } from "@/services/approvals";
import { sessionQuery, useSession } from "@/services/session";
import { LiveMark } from "./LiveMark";
import { places } from "./navigation";
import { openPalette, Palette } from "./Palette";
import classes from "./Shell.module.css";
import { ShortcutHelp } from "./ShortcutHelp";

export function Shell() {
  // Without a session nothing of the shell can be drawn; the end of one shows the sign-in page.
  const session = useQuery(sessionQuery);
  const router = useRouter();
  const ended = session.data === null;
  useEffect(() => {
    if (ended) void router.invalidate();
  }, [ended, router]);
  return session.data ? <Frame /> : null;
}

function Frame() {
  const [opened, { toggle, close }] = useDisclosure(false);
  const [help, { open: openHelp, close: closeHelp }] = useDisclosure(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { info, can } = useSession();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes what lies over it
  useEffect(() => close(), [path, close]);

  const group = "Everywhere";
  useShortcut("?", "Show all shortcuts", openHelp, { group });
  useShortcut("mod+k", "Search and act", openPalette, { group });
  useShortcut("t", "Light or dark", () => setColorScheme(scheme === "dark" ? "light" : "dark"), { group });

  return (
    <AppShell
      layout="alt"
      header={{ height: 48 }}
      navbar={{ width: 208, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={0}
      transitionDuration={120}
    >
      <a href="#content" className={classes.skip}>
        Skip to the content
      </a>
      <AppShell.Header className={classes.header}>
        <Burger
          opened={opened}
          onClick={toggle}
          hiddenFrom="sm"
          size="sm"
          aria-label={opened ? "Close the navigation" : "Open the navigation"}
        />
        <button type="button" className={classes.find} onClick={openPalette}>
          <IconSearch size={14} stroke={1.7} aria-hidden />
          <span>Search or jump to…</span>
          <kbd>{isMac ? "⌘K" : "Ctrl K"}</kbd>
        </button>
        <div className={classes.tools}>
          <LiveMark />
          <TimeMenu />
          <SchemeMenu />
          <AccountMenu onHelp={openHelp} />
        </div>
      </AppShell.Header>

      <AppShell.Navbar className={classes.nav} aria-label="Main">
        <div className={classes.brand}>
          <Link to="/executions" className={classes.home} aria-label="Sojourn, executions">
            <Logo size={24} />
          </Link>
          <div className={classes.project}>
            <span className={classes.product}>Sojourn</span>
            <span className={classes.projectName} title={`Project ${info.project.name}`}>
              {info.project.name}
            </span>
          </div>
          <Burger opened onClick={close} hiddenFrom="sm" size="sm" ml="auto" aria-label="Close the navigation" />
        </div>
        {(["work", "project"] as const).map((part) => (
          <ul key={part} className={classes.places}>
            {places
              .filter((place) => place.group === part)
              .map((place) => (
                <li key={place.to}>
                  <Place {...place} allowed={place.scope === null || can(place.scope)} />
                </li>
              ))}
          </ul>
        ))}
        <div className={classes.foot}>
          <a href="/docs" target="_blank" rel="noreferrer">
            API reference
          </a>
          <span title={`Worker protocol ${info.protocol}`}>{info.version}</span>
        </div>
      </AppShell.Navbar>

      <AppShell.Main className={classes.main}>
        <div id="content" tabIndex={-1} className={classes.content}>
          <Outlet />
        </div>
      </AppShell.Main>
      <Palette scheme={scheme} setScheme={setColorScheme} />
      <ShortcutHelp opened={help} onClose={closeHelp} />
    </AppShell>
  );
}

function Place({ to, label, icon: Icon, keys, scope, allowed }: (typeof places)[number] & { allowed: boolean }) {
  const navigate = useNavigate();
  useShortcut(`g ${keys}`, `Go to ${label === "API keys" ? label : label.toLowerCase()}`, () => void navigate({ to }), {
    group: "Everywhere",
    enabled: allowed,
  });
  if (!allowed) {
    return (
      <Tooltip label={`Your key lacks the scope ${scope}.`} position="right">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard shall reach the reason too */}
        <span className={classes.place} data-denied tabIndex={0}>
          <Icon size={16} stroke={1.7} aria-hidden />
          {label}
        </span>
      </Tooltip>
    );
  }
  return (
    <Link to={to} className={classes.place} activeProps={{ "data-active": true, "aria-current": "page" }}>
      <Icon size={16} stroke={1.7} aria-hidden />
      {label}
      {to === "/inbox" && <InboxCount />}
    </Link>
  );
}

/** How many approvals are open, beside the inbox. */
function InboxCount() {
  const open = useInboxCount();
  if (!open || open.count === 0) return null;
  const text = `${open.count}${open.more ? "+" : ""}`;
  return (
    <span className={classes.badge} title={`${text} open ${text === "1" ? "approval" : "approvals"}`}>
      {text}
    </span>
  );
}

/** One of several that exclude each other. */
function Choice({
  value,
  chosen,
  onChoose,
  icon,
  children,
}: {
  value: string;
  chosen: boolean;
  onChoose: () => void;
  icon?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Menu.RadioItem
      value={value}
      checked={chosen}
      onChange={onChoose}
      closeMenuOnClick
      checkIcon={<IconCheck size={14} aria-hidden />}
      rightSection={icon}
    >
      {children}
    </Menu.RadioItem>
  );
}

const formatNames: Record<TimeFormat, string> = { relative: "Relative", local: "Local time", utc: "UTC" };

function TimeMenu() {
  const [format, setFormat] = useTimeFormat();
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>
        <Tooltip label={`Times: ${formatNames[format].toLowerCase()}`}>
          <ActionIcon size={30} aria-label={`How times are shown: ${formatNames[format].toLowerCase()}`}>
            <IconClock size={16} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Times</Menu.Label>
        {(Object.keys(formatNames) as TimeFormat[]).map((each) => (
          <Choice key={each} value={each} chosen={each === format} onChoose={() => setFormat(each)}>
            {formatNames[each]}
          </Choice>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

const schemes = [
  { value: "light", label: "Light", icon: IconSun },
  { value: "dark", label: "Dark", icon: IconMoon },
  { value: "auto", label: "As the system", icon: IconDeviceDesktop },
] as const;

function SchemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const shown = useComputedColorScheme("light");
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>
        <Tooltip label="Light or dark">
          <ActionIcon size={30} aria-label="Light or dark">
            {shown === "dark" ? <IconMoon size={16} stroke={1.7} /> : <IconSun size={16} stroke={1.7} />}
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Appearance</Menu.Label>
        {schemes.map(({ value, label, icon: Icon }) => (
          <Choice
            key={value}
            value={value}
            chosen={colorScheme === value}
            onChoose={() => setColorScheme(value)}
            icon={<Icon size={14} aria-hidden />}
          >
            {label}
          </Choice>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const { info, signOut } = useSession();
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <Tooltip label={`Signed in with ${info.key.name}`}>
          <ActionIcon size={30} aria-label={`Signed in with ${info.key.name}`}>
            <IconUser size={16} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes.account}>
          <strong>{info.key.name}</strong>
          <span>{info.key.scopes.join(", ")}</span>
        </div>
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={14} />} onClick={onHelp}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={14} />} onClick={() => void signOut()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

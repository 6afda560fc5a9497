// The frame around every page: navigation, settlement days, whether what is seen is live, and who looks at it.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { PAGES } from "../pages";
import { ShardState } from "../gen/quittance/service/v1/operator_pb";
import { sign, signed } from "../service/client";
import { connection, connectionReason, reached, resumed } from "../service/live";
import { head, may, standing, stranger, unanswered } from "../service/standing";
import { count } from "../values/decimal";
import { clock, longDate } from "../values/time";
import { ActionDialog, Mark, SignIn, Toasts } from "./dialog";
import { shortcuts, useKeys, type Shortcut } from "./keys";
import { go, path } from "./route";
import { theme, turn } from "./theme";

export function Shell() {
  if (!signed.value || stranger.value) return <SignIn />;
  return <Signed />;
}

function Signed() {
  const [help, setHelp] = useState(false);
  const keys: Shortcut[] = [
    ...PAGES.flatMap((page) => (page.key ? [{ keys: `g ${page.key}`, does: page.title ?? "", run: () => go("/" + page.path) }] : [])),
    { keys: "?", does: "this list", run: () => setHelp(true) },
    { keys: "t", does: "light or dark", run: turn },
    {
      keys: "/",
      does: "to the filter",
      run: () => document.querySelector<HTMLInputElement>("main input[type=search]")?.focus(),
    },
  ];
  useKeys(keys);
  const here = path.value[0] ?? "";
  const page = PAGES.find((each) => each.path === here);
  useEffect(() => {
    document.title = `${page?.title ?? "Instruction"} · Quittance`;
  }, [page]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="#/"><Mark />Quittance</a>
        <nav aria-label="Pages">
          {PAGES.filter((each) => each.title).map((each) => (
            <a
              key={each.path}
              href={`#/${each.path}`}
              aria-current={each.path === here || (each.path === "" && here === "instruction") ? "page" : undefined}
              title={`g ${each.key}`}
            >
              {each.title}
              {each.path === "exceptions" && <Waiting />}
            </a>
          ))}
        </nav>
        <Liveness />
        <button type="button" class="icon" onClick={turn} aria-label="Light or dark" title="Light or dark (t)">
          {theme.value === "dark" ? "☀" : "☾"}
        </button>
        <button type="button" class="icon" onClick={() => setHelp(true)} aria-label="Keys" title="Keys (?)">?</button>
        <Who />
      </header>
      <Days />
      <main id="main" tabIndex={-1}>
        {page === undefined ? (
          <p class="missing bad">There is no page of this address.</p>
        ) : page.roles && standing.value && !may(...page.roles) ? (
          <p class="missing">This page is for {page.roles.join(", ")}; {standing.value.caller?.actor} is {standing.value.caller?.roles.join(", ") || "none of them"}.</p>
        ) : (
          <page.shows />
        )}
      </main>
      <ActionDialog />
      <Toasts />
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

/** How many proposals, trades in repair, breaks and quarantined records wait for a person. */
function Waiting() {
  const counts = standing.value?.open ?? [];
  const sum = counts.filter((each) => WAITS.includes(each.name)).reduce((all, each) => all + each.count, 0n);
  return sum > 0n ? <span class="count" aria-label={`${sum} wait`}>{count(sum)}</span> : null;
}

/** Names of counts that the service keeps of what is open. */
const WAITS = ["in_repair", "proposals", "quarantined", "breaks"];

/** Never is anything old shown as if it were new. */
function Liveness() {
  const unreachable = unanswered.value !== "" && !stranger.value;
  const state = unreachable && connection.value === "live" ? "reconnecting" : connection.value;
  const behind = head.value > reached.value && state === "live" ? head.value - reached.value : 0n;
  const words = {
    connecting: "connecting",
    live: "live",
    reconnecting: "reconnecting",
    refused: unreachable ? "unreachable" : "asked every 2 s",
  }[state];
  return (
    <span
      class={`liveness ${state === "refused" && unreachable ? "reconnecting" : state}`}
      role="status"
      data-state={state}
      data-resumed={resumed.value}
      title={state === "live" ? `all records up to ${reached.value} are on the screen` : unanswered.value || connectionReason.value}
    >
      <i aria-hidden="true" />
      <b>{words}</b>
      <span class="record">record {count(head.value)}{behind > 100n && `, ${count(behind)} behind`}</span>
    </span>
  );
}

function Who() {
  const caller = standing.value?.caller;
  const name = caller?.actor || signed.value?.name || "signed in";
  return (
    <span class="who">
      <span title={caller?.ungoverned ? "nobody was granted anything yet: everybody may do everything" : caller?.roles.join(", ")}>
        <b>{name}</b>
        <small>{caller ? (caller.ungoverned ? "all roles" : caller.roles.join(", ") || "no role") : ""}</small>
      </span>
      <button type="button" onClick={() => sign(undefined)}>Sign out</button>
    </span>
  );
}

function Days() {
  const now = standing.value;
  const halted = now && now.state !== ShardState.RUNNING;
  return (
    <div class="days">
      <span class="house">{now ? `${now.house} · shard ${now.shard}` : "…"}</span>
      {now?.days.map((day) => (
        <span key={day.domain} class={day.open ? "day" : "day closed"}>
          <b>{day.domain}</b> {longDate(day.date)} <em>{day.open ? "open" : "closed"}</em>
          {day.open && day.coming.length > 0 && (
            <span class="cuts">
              cut-offs {day.coming.map((each) => `${each.currency || "free"} ${clock(each.at)}`).join(" · ")} UTC
            </span>
          )}
        </span>
      ))}
      {now && now.days.length === 0 && <span class="day closed">no settlement day was opened yet</span>}
      {unanswered.value && <span class="alarm" role="alert">The service does not answer: {unanswered.value}. What you see is as of record {count(reached.value)}.</span>}
      {!unanswered.value && halted && <span class="alarm" role="alert">{ShardState[now.state]?.toLowerCase()}: {now.stateReason}</span>}
    </div>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => box.current?.showModal(), []);
  return (
    <dialog ref={box} onClose={onClose} aria-labelledby="help-title">
      <form method="dialog">
        <h2 id="help-title">Keys</h2>
        <dl class="keys">
          {shortcuts().map((each) => (
            <div key={each.keys}><dt>{each.keys.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{each.does}</dd></div>
          ))}
          <div><dt><kbd>Tab</kbd></dt><dd>next link, button or field</dd></div>
          <div><dt><kbd>Esc</kbd></dt><dd>close, or leave a field</dd></div>
        </dl>
        <footer><button type="submit" class="primary" autofocus>Close</button></footer>
      </form>
    </dialog>
  );
}

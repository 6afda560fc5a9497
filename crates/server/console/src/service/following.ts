// A subscription that is kept up: taken up again with its token after every cut, given up when nothing is heard, and what it
// tells put together.
import { Code } from "@connectrpc/connect";
import { useEffect, useRef, useState } from "preact/hooks";
import { codeOf, explain } from "./client";

export type Connection = "connecting" | "live" | "reconnecting" | "refused";

/** Without a word for so long (the service sends a heartbeat every 5 s unless told otherwise) a connection is given up. */
const SILENCE = 15_000;
/** Pauses between attempts, in ms; the last one is kept. */
const PAUSES = [250, 500, 1_000, 2_000, 5_000];
/** A burst of changes is drawn once, in ms. */
export const BURST = 60;

/** What every message of a subscription has. */
export interface Update {
  sequence: bigint;
  resumeToken: string;
  kind: { case?: string | undefined; value?: unknown };
}

export interface Watched<U> {
  ask: (resumeToken: string, options: { signal: AbortSignal }) => AsyncIterable<{ update?: U }>;
  take: (update: U) => void;
  /** How the connection is, and why it is not live. */
  is: (connection: Connection, why: string) => void;
  /** It was taken up again with its token. */
  resumed?: () => void;
}

/** Until it is stopped, or refused. */
export async function keepWatching<U extends Update>(watched: Watched<U>, stopped: AbortSignal) {
  let token = "";
  let live = false;
  for (let failures = 0; !stopped.aborted; failures++) {
    const attempt = new AbortController();
    const give = () => attempt.abort();
    stopped.addEventListener("abort", give);
    let silence = setTimeout(give, SILENCE);
    const resumes = token !== "";
    let why = "the service ended the subscription";
    try {
      for await (const { update } of watched.ask(token, { signal: attempt.signal })) {
        clearTimeout(silence);
        silence = setTimeout(give, SILENCE);
        if (update) {
          watched.take(update);
          if (update.resumeToken) token = update.resumeToken;
        }
        if (!live) {
          live = true;
          watched.is("live", "");
          if (resumes) watched.resumed?.();
        }
        failures = 0;
      }
    } catch (error) {
      if (stopped.aborted) return;
      why = attempt.signal.aborted ? "no word from the service" : explain(error);
      const code = codeOf(error);
      const senseless = code === Code.InvalidArgument;
      if (code === Code.PermissionDenied || code === Code.Unauthenticated || (senseless && !resumes)) return watched.is("refused", why);
      // The token was of another log: begin again.
      if (senseless) token = "";
    } finally {
      clearTimeout(silence);
      stopped.removeEventListener("abort", give);
    }
    live = false;
    watched.is("reconnecting", why);
    await pause(PAUSES[Math.min(failures, PAUSES.length - 1)] ?? 5_000);
  }
}

/** Ends early when the machine is online again. */
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    addEventListener("online", () => (clearTimeout(timer), done()), { once: true });
  });
}

/** What a page puts together of a subscription's messages. */
export interface Fold<U, T> {
  /** Forgets everything: it is out of date. */
  forget: () => void;
  take: (update: U) => void;
  value: () => T;
}

export interface Followed<T> {
  /** Absent until the first snapshot is whole. */
  value?: T;
  /** Why it is not live. */
  error?: string;
  connection: Connection;
}

/** Follows while the component is there; `key` says when something else is. What was seen stays until a new snapshot is whole. */
export function useFollowed<U extends Update, T>(key: string, ask: Watched<U>["ask"], fold: () => Fold<U, T>): Followed<T> {
  const [state, setState] = useState<Followed<T>>({ connection: "connecting" });
  const how = useRef({ ask, fold });
  how.current = { ask, fold };
  useEffect(() => {
    const over = new AbortController();
    const kept = how.current.fold();
    let whole = false;
    let drawing: ReturnType<typeof setTimeout> | undefined;
    const take = (update: U) => {
      if (update.kind.case === "reset") (whole = false), kept.forget();
      else if (update.kind.case !== "heartbeat") kept.take(update);
      if (update.kind.case === "snapshot") whole = (update.kind.value as { last: boolean }).last;
      if (!whole || update.kind.case === "heartbeat") return;
      drawing ??= setTimeout(() => {
        drawing = undefined;
        if (whole && !over.signal.aborted) setState((before) => ({ ...before, value: kept.value() }));
      }, BURST);
    };
    const is = (connection: Connection, why: string) => setState(({ value }) => ({ value, connection, error: why || undefined }));
    void keepWatching({ ask: how.current.ask, take, is }, over.signal);
    return () => {
      over.abort();
      clearTimeout(drawing);
    };
  }, [key]);
  return state;
}

// A question that is asked again when there are new records, at most twice a second
// (or more seldom where the answer is dear), and never shows an older answer.
import { useEffect, useRef, useState } from "preact/hooks";
import { codeOf, Code, explain } from "./client";
import { head } from "./standing";

/** Between two answers at least, in milliseconds. */
const PACE = 500;
/** How often a question is asked again because its answer was older than the newest record. */
const AGAIN = 8;

/** The record at which an answer is true, where it says so. */
function standsAt(value: unknown): bigint | undefined {
  const answer = value as { sequence?: unknown; basis?: { sequence?: unknown } } | undefined;
  const sequence = answer?.sequence ?? answer?.basis?.sequence;
  return typeof sequence === "bigint" ? sequence : undefined;
}

export interface Asked<T> {
  value?: T;
  /** Why there is no newer answer. */
  error?: string;
  code?: Code;
  /** Asks again, with what a command has just done in it. */
  again: () => void;
}

/** `key` says when it is another question: then the old answer is forgotten. */
export function useQuery<T>(key: string, ask: () => Promise<T>, pace = PACE): Asked<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: string; code?: Code }>({ key });
  const asking = useRef(ask);
  asking.current = ask;
  const nudge = useRef<() => void>(() => undefined);

  useEffect(() => {
    let over = false;
    let busy = false;
    let wanted = false;
    let last = -pace;
    let again = AGAIN;
    const run = async () => {
      if (busy) {
        wanted = true;
        return;
      }
      busy = true;
      const wait = last + pace - performance.now();
      if (wait > 0) await new Promise((done) => setTimeout(done, wait));
      wanted = false;
      last = performance.now();
      try {
        const value = await asking.current();
        if (!over) setState({ key, value });
        // The log was ahead of the views: what came in between is not in it yet. Of what does not say, one more look.
        const at = standsAt(value);
        if (again > 0 && (at === undefined || at < head.peek())) {
          again = at === undefined ? 0 : again - 1;
          wanted = true;
        }
      } catch (error) {
        if (!over) setState((before) => ({ ...before, key, error: explain(error), code: codeOf(error) }));
      }
      busy = false;
      if (wanted && !over) void run();
    };
    nudge.current = () => void run();
    const unsubscribe = head.subscribe(() => {
      again = AGAIN;
      void run();
    });
    return () => {
      over = true;
      unsubscribe();
    };
  }, [key]);

  const { value, error, code } = state.key === key ? state : {};
  return { value, error, code, again: () => nudge.current() };
}

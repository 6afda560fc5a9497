// Keys that do something: `g` and a letter for a page, single letters on a page. Never while somebody types.
import { useLayoutEffect, useRef } from "preact/hooks";

export interface Shortcut {
  /** `g t`, `/`, `h` … */
  keys: string;
  does: string;
  run: () => void;
}

const active = new Set<{ current: Shortcut[] }>();
let first = "";
let forget: ReturnType<typeof setTimeout> | undefined;

/** These hold while the component is there, each as it was drawn last. */
export function useKeys(shortcuts: Shortcut[]) {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  // Not useEffect: that waits for the next paint, and a key pressed at what is already shown would do nothing.
  useLayoutEffect(() => {
    active.add(latest);
    return () => void active.delete(latest);
  }, []);
}

/** All that hold now, for the page that lists them. */
export function shortcuts(): Shortcut[] {
  return [...active].flatMap((each) => each.current);
}

addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
  // From a filter to what it found.
  if (typing && event.key === "Enter" && (event.target as HTMLElement).matches("main input[type=search]")) {
    (event.target as HTMLElement).blur();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const keys = first ? `${first} ${event.key}` : event.key;
  clearTimeout(forget);
  first = "";
  const found = shortcuts().find((each) => each.keys === keys);
  if (found) {
    event.preventDefault();
    found.run();
  } else if (shortcuts().some((each) => each.keys.startsWith(event.key + " "))) {
    first = event.key;
    forget = setTimeout(() => (first = ""), 1_500);
  }
});

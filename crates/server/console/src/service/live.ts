// The open instructions, live: one subscription for all pages, resumed with its token after every cut, never silently out of date.
import { computed, signal } from "@preact/signals";
import type { Instruction, InstructionUpdate } from "../gen/quittance/view/v1/status_pb";
import { isOpen } from "../values/status";
import { settlement } from "./client";
import { BURST, keepWatching, type Connection } from "./following";

/** More rows than this are not kept: a person narrows the list, or asks with the program. */
const MOST = 50_000;

export const connection = signal<Connection>("connecting");
export const connectionReason = signal("");
/** All records up to this one are on the screen. */
export const reached = signal(0n);
/** How often the subscription was taken up again with its token since the page was opened. */
export const resumed = signal(0);
export const truncated = signal(false);

const rows = new Map<bigint, Instruction>();
const version = signal(0);
export const open = computed(() => (version.value, [...rows.values()]));
/** The instructions that ended while somebody watched, the last first. */
export const ended = signal<Instruction[]>([]);

let running: AbortController | undefined;

/** Begins to watch; what was watched before is forgotten. */
export function watch() {
  stop();
  rows.clear();
  ended.value = [];
  version.value++;
  connection.value = "connecting";
  running = new AbortController();
  const ask = (resumeToken: string, options: { signal: AbortSignal }) => settlement.watchInstructions({ resumeToken }, options);
  const is = (now: Connection, why: string) => {
    connection.value = now;
    if (why) connectionReason.value = why;
  };
  void keepWatching({ ask, take, is, resumed: () => resumed.value++ }, running.signal);
}

export function stop() {
  running?.abort();
  running = undefined;
}

function take(update: InstructionUpdate) {
  switch (update.kind.case) {
    case "reset":
      rows.clear();
      truncated.value = false;
      break;
    case "snapshot":
      update.kind.value.instructions.forEach(put);
      break;
    case "changes":
      update.kind.value.instructions.forEach(put);
      update.kind.value.left.forEach((number) => rows.delete(number));
      break;
    default:
  }
  if (update.sequence > reached.value) reached.value = update.sequence;
  if (update.kind.case !== "heartbeat") redraw();
}

function put(instruction: Instruction) {
  if (!isOpen(instruction)) {
    if (rows.delete(instruction.number)) ended.value = [instruction, ...ended.value].slice(0, 50);
  } else if (rows.size < MOST || rows.has(instruction.number)) {
    rows.set(instruction.number, instruction);
  } else {
    truncated.value = true;
  }
}

let drawing: ReturnType<typeof setTimeout> | undefined;
function redraw() {
  drawing ??= setTimeout(() => {
    drawing = undefined;
    version.value++;
  }, BURST);
}

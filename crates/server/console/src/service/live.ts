// The open instructions, live: one subscription, resumed with its token after every cut, never silently out of date.
import { Code } from "@connectrpc/connect";
import { computed, signal } from "@preact/signals";
import type { Instruction, InstructionUpdate } from "../gen/quittance/view/v1/status_pb";
import { codeOf, explain, settlement } from "./client";
import { isOpen } from "../values/status";

export type Connection = "connecting" | "live" | "reconnecting" | "refused";

/** Without a word for so long (the service sends a heartbeat every 5 s unless told otherwise) a connection is given up. */
const SILENCE = 15_000;
/** Pauses between attempts, in ms; the last one is kept. */
const PAUSES = [250, 500, 1_000, 2_000, 5_000];
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

let token = "";
let running: AbortController | undefined;

/** Begins to watch; what was watched before is forgotten. */
export function watch() {
  stop();
  rows.clear();
  token = "";
  ended.value = [];
  version.value++;
  connection.value = "connecting";
  running = new AbortController();
  void keepWatching(running.signal);
}

export function stop() {
  running?.abort();
  running = undefined;
}

async function keepWatching(stopped: AbortSignal) {
  for (let failures = 0; !stopped.aborted; failures++) {
    const attempt = new AbortController();
    const give = () => attempt.abort();
    stopped.addEventListener("abort", give);
    let silence = setTimeout(give, SILENCE);
    const resumes = token !== "";
    try {
      const answers = settlement.watchInstructions({ resumeToken: token }, { signal: attempt.signal });
      for await (const { update } of answers) {
        clearTimeout(silence);
        silence = setTimeout(give, SILENCE);
        if (update) take(update);
        if (connection.value !== "live") {
          connection.value = "live";
          if (resumes) resumed.value++;
        }
        failures = 0;
      }
      connectionReason.value = "the service ended the subscription";
    } catch (error) {
      if (stopped.aborted) return;
      connectionReason.value = attempt.signal.aborted ? "no word from the service" : explain(error);
      if ([Code.PermissionDenied, Code.Unauthenticated].includes(codeOf(error))) {
        connection.value = "refused";
        return;
      }
      // The token was of another log: begin again.
      if (codeOf(error) === Code.InvalidArgument) token = "";
    } finally {
      clearTimeout(silence);
      stopped.removeEventListener("abort", give);
    }
    connection.value = "reconnecting";
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
  if (update.resumeToken) token = update.resumeToken;
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

/** A burst of changes is drawn once. */
let drawing: ReturnType<typeof setTimeout> | undefined;
function redraw() {
  drawing ??= setTimeout(() => {
    drawing = undefined;
    version.value++;
  }, 60);
}

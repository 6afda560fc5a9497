// How the service is and what the caller may, asked every other second: the head of every page, and the pulse by which
// what has no subscription of its own is asked again as soon as there are new records.
import { signal } from "@preact/signals";
import type { GetStatusResponse } from "../gen/quittance/service/v1/operator_pb";
import { codeOf, Code, explain, operator } from "./client";
import { reached } from "./live";

const EVERY = 2_000;

export const standing = signal<GetStatusResponse | undefined>(undefined);
/** Why there is no answer; empty while there is one. */
export const unanswered = signal("");
/** Nobody knows who asks. */
export const stranger = signal(false);
/** The newest record that anybody told us of. */
export const head = signal(0n);

reached.subscribe((sequence) => {
  if (sequence > head.peek()) head.value = sequence;
});

export async function ask() {
  try {
    const answer = await operator.getStatus({}, { timeoutMs: 5_000 });
    standing.value = answer;
    unanswered.value = "";
    stranger.value = false;
    if (answer.sequence > head.peek()) head.value = answer.sequence;
  } catch (error) {
    unanswered.value = explain(error);
    stranger.value = codeOf(error) === Code.Unauthenticated;
    // A refusal says nothing of what was known before: it was another caller's.
    if (stranger.value || codeOf(error) === Code.PermissionDenied) standing.value = undefined;
  }
}

let timer: ReturnType<typeof setInterval> | undefined;

/** Asks now and from then on. */
export function follow() {
  clearInterval(timer);
  void ask();
  timer = setInterval(() => document.visibilityState === "visible" && void ask(), EVERY);
}

export type Role = "publisher" | "operator" | "approver" | "risk-viewer" | "auditor" | "administrator";

/** Whether the caller has one of these roles. The service decides; this only spares a person a refusal. */
export function may(...roles: Role[]): boolean {
  const caller = standing.value?.caller;
  return !caller || roles.some((role) => caller.roles.includes(role));
}

/** The settlement day of a domain that is open. */
export function today(): number | undefined {
  return standing.value?.days.filter((day) => day.open).map((day) => day.date).sort().at(-1);
}

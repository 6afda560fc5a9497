// How far an instruction has come, in the words and colours of the console.
import { InstructionStatus as Status, Movement, Payment, type Instruction } from "../gen/quittance/view/v1/status_pb";

export type Tone = "good" | "waiting" | "bad" | "open" | "ended" | "quiet";

export const STATUSES: { status: Status; name: string; tone: Tone; code: string }[] = [
  { status: Status.SETTLED, name: "settled", tone: "good", code: "SETT" },
  { status: Status.PENDING, name: "pending", tone: "waiting", code: "PEND" },
  { status: Status.FAILING, name: "failing", tone: "bad", code: "PENF" },
  { status: Status.UNMATCHED, name: "unmatched", tone: "open", code: "NMAT" },
  { status: Status.CANCELLED, name: "cancelled", tone: "ended", code: "CAND" },
];

export function statusOf(status: Status) {
  return STATUSES.find((each) => each.status === status) ?? { status, name: "unknown", tone: "quiet" as Tone, code: "" };
}

export function isOpen(instruction: Instruction): boolean {
  return instruction.status !== Status.SETTLED && instruction.status !== Status.CANCELLED;
}

export function movement(instruction: Instruction): string {
  return instruction.movement === Movement.DELIVER ? "deliver" : "receive";
}

export function isFree(instruction: Instruction): boolean {
  return instruction.payment === Payment.FOP;
}

// Calendar dates (YYYYMMDD) and instants, as text.
import type { Timestamp } from "@bufbuild/protobuf/wkt";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** 2026-11-23; an absent date is a dash. */
export function date(value: number | undefined): string {
  if (!value) return "–";
  const digits = value.toString();
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

/** Mon 23 Nov 2026 */
export function longDate(value: number | undefined): string {
  if (!value) return "–";
  const [year, month, day] = [Math.floor(value / 10_000), Math.floor(value / 100) % 100, value % 100];
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  return `${DAYS[weekday]} ${day} ${MONTHS[month - 1]} ${year}`;
}

/** 23 Nov */
export function shortDate(value: number): string {
  return `${value % 100} ${MONTHS[(Math.floor(value / 100) % 100) - 1]}`;
}

/** Midnight of a calendar date in seconds, for the axis of a chart. */
export function seconds(value: number): number {
  return Date.UTC(Math.floor(value / 10_000), (Math.floor(value / 100) % 100) - 1, value % 100) / 1_000;
}

export function millis(at: Timestamp): number {
  return Number(at.seconds) * 1_000 + at.nanos / 1_000_000;
}

/** 2026-11-23 09:00:00 (UTC) */
export function instant(at: Timestamp | undefined): string {
  return at ? new Date(millis(at)).toISOString().slice(0, 19).replace("T", " ") : "–";
}

/** The same from the microseconds of a record. */
export function micros(at: bigint): string {
  return new Date(Number(at / 1_000n)).toISOString().slice(0, 23).replace("T", " ");
}

/** 17:00 (UTC) */
export function clock(at: Timestamp | undefined): string {
  return instant(at).slice(11, 16);
}

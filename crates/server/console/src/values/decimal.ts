// Exact numbers as the service sends them: whole numbers with a scale. Nothing here is ever a floating-point number.
import type { Decimal } from "../gen/quittance/type/v1/decimal_pb";

/** A number split at its point, for columns that line up: sign and grouped digits, then the point and what follows. */
export interface Parts {
  whole: string;
  fraction: string;
  negative: boolean;
}

export function parts(value: Decimal | undefined): Parts | undefined {
  if (!value) return undefined;
  const negative = value.unscaled < 0n;
  const digits = (negative ? -value.unscaled : value.unscaled).toString().padStart(value.scale + 1, "0");
  const split = digits.length - value.scale;
  const whole = digits.slice(0, split).replace(/\B(?=(\d{3})+$)/g, ",");
  return { whole: (negative ? "−" : "") + whole, fraction: value.scale > 0 ? "." + digits.slice(split) : "", negative };
}

/** 1,234.50; an absent number is a dash. */
export function text(value: Decimal | undefined): string {
  const split = parts(value);
  return split ? split.whole + split.fraction : "–";
}

/** A number without grouping or sign of ours, as a field takes it. */
export function plain(value: Decimal): string {
  return text(value).replaceAll(",", "").replace("−", "-");
}

/** What a person typed; nothing when it is no number. */
export function parse(typed: string): Decimal | undefined {
  const found = /^(-?)(\d{1,15})(?:\.(\d{1,18}))?$/.exec(typed.trim().replaceAll(",", ""));
  if (!found) return undefined;
  const fraction = found[3] ?? "";
  const unscaled = BigInt((found[1] ?? "") + (found[2] ?? "") + fraction);
  return { $typeName: "quittance.type.v1.Decimal", unscaled, scale: fraction.length };
}

/** The same number without the zeros at its end: 50.000000 is 50. */
export function whole(value: Decimal | undefined): Decimal | undefined {
  if (!value) return undefined;
  let { unscaled, scale } = value;
  while (scale > 0 && unscaled % 10n === 0n) [unscaled, scale] = [unscaled / 10n, scale - 1];
  return scaled(unscaled, scale);
}

/** −1, 0 or 1, whatever their scales. */
export function compare(one: Decimal, other: Decimal): number {
  const scale = Math.max(one.scale, other.scale);
  const a = one.unscaled * 10n ** BigInt(scale - one.scale);
  const b = other.unscaled * 10n ** BigInt(scale - other.scale);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where it stands on a screen: for the height of a line in a chart, never to be shown or reckoned with. */
export function height(value: Decimal | undefined): number {
  return value ? Number(value.unscaled) / 10 ** value.scale : 0;
}

/** A mark of a chart's axis: 1.5 m. */
export function mark(value: number): string {
  const [size, unit] = [[1e9, " bn"], [1e6, " m"], [1e3, " k"]].find(([size]) => Math.abs(value) >= (size as number)) ?? [1, ""];
  return `${parseFloat((value / (size as number)).toFixed(4)).toString().replace("-", "−")}${unit as string}`;
}

/** Minor units of a record beside a decimal of the same asset, whose scale is known. */
export function scaled(unscaled: bigint, scale: number): Decimal {
  return { $typeName: "quittance.type.v1.Decimal", unscaled, scale };
}

/** 12,345 */
export function count(value: bigint | number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

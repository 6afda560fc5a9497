// The ladder as lines over value dates, with the floor that the credit line sets and the lowest point named. The picture is
// drawn with floating-point heights; every figure in words is the exact one.
import uPlot from "uplot";
import type { CashLadder } from "../gen/quittance/view/v1/cash_pb";
import type { Decimal } from "../gen/quittance/type/v1/decimal_pb";
import { axes, colours, useChart, type Drawing } from "../ui/chart";
import { height, text } from "../values/decimal";
import { seconds, shortDate } from "../values/time";

interface Props {
  ladder: CashLadder;
  least: { date: number; value: Decimal | undefined };
}

const HEIGHT = 260;

export function LadderChart({ ladder, least }: Props) {
  const key = JSON.stringify(ladder.lines.map((line) => [line.valueDate, text(line.projected), text(line.projectedSure), text(line.creditLimit)])) + text(ladder.settled);
  const place = useChart(key, HEIGHT, () => ({ options: options(ladder, least), data: data(ladder) }));
  if (ladder.lines.length === 0) return null;
  return (
    <figure>
      <div ref={place} class="chart" role="img" aria-label={`Projected cash of ${ladder.account} in ${ladder.currency} over ${ladder.lines.length} value dates. Lowest, counting sure receipts only: ${text(least.value)} on ${shortDate(least.date)}.`} />
      <figcaption>
        <span class="key projected">projected</span>
        <span class="key sure">counting sure receipts only</span>
        <span class="key floor">credit line</span>
        <span class="key lowest">lowest, {text(least.value)} {ladder.currency} on {shortDate(least.date)}</span>
      </figcaption>
    </figure>
  );
}

/** What lies there now stands before the first date, so that one line is seen even when there is one date only. */
function data(ladder: CashLadder): uPlot.AlignedData {
  const first = ladder.lines[0]!;
  const now = height(ladder.settled);
  const day = 86_400;
  return [
    [seconds(first.valueDate) - day, ...ladder.lines.map((line) => seconds(line.valueDate))],
    [now, ...ladder.lines.map((line) => height(line.projected))],
    [now, ...ladder.lines.map((line) => height(line.projectedSure))],
    [-height(ladder.creditLimit), ...ladder.lines.map((line) => -height(line.creditLimit))],
  ];
}

function options(ladder: CashLadder, least: Props["least"]): Drawing["options"] {
  const stepped = uPlot.paths.stepped!({ align: 1 });
  const { muted, accent, good, bad, waiting } = colours("muted", "accent", "good", "bad", "waiting");
  const { axis, amounts } = axes();
  const dates = new Map(ladder.lines.map((line) => [seconds(line.valueDate), line.valueDate]));
  return {
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    padding: [14, 28, 0, 0],
    scales: { x: { time: true }, y: { range: () => range(ladder) } },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), "UTC"),
    axes: [
      { ...axis, values: (_, splits) => splits.map((at) => (at % 86_400 === 0 ? label(at) : "")), incrs: [86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 90 * 86_400], space: 56 },
      amounts,
    ],
    series: [
      {},
      { stroke: accent, width: 1.5, paths: stepped, points: { show: false } },
      { stroke: good, width: 2, dash: [6, 4], paths: stepped, points: { show: false } },
      { stroke: bad, width: 1, paths: stepped, points: { show: false } },
    ],
    hooks: {
      draw: [
        (chart) => {
          const at = dates.has(seconds(least.date)) ? seconds(least.date) : chart.data[0][0]!;
          const [x, y] = [chart.valToPos(at, "x", true), chart.valToPos(height(least.value), "y", true)];
          const zero = chart.valToPos(0, "y", true);
          const { ctx, bbox } = chart;
          ctx.save();
          if (zero >= bbox.top && zero <= bbox.top + bbox.height) {
            ctx.strokeStyle = muted;
            ctx.lineWidth = devicePixelRatio;
            ctx.beginPath();
            ctx.moveTo(bbox.left, zero);
            ctx.lineTo(bbox.left + bbox.width, zero);
            ctx.stroke();
          }
          ctx.fillStyle = waiting;
          ctx.beginPath();
          ctx.arc(x, y, 5 * devicePixelRatio, 0, 2 * Math.PI);
          ctx.fill();
          ctx.restore();
        },
      ],
    },
  };
}

/** What moves fills the picture; zero and the credit line are in it when they are near. */
function range(ladder: CashLadder): [number, number] {
  const moves = [ladder.settled, ...ladder.lines.flatMap((line) => [line.projected, line.projectedSure])].map(height);
  const floors = ladder.lines.map((line) => -height(line.creditLimit));
  const [low, high] = [Math.min(...moves), Math.max(...moves)];
  const span = high - low || Math.abs(high) || 1;
  const near = [0, ...floors].filter((at) => at > low - 1.5 * span && at < high + 1.5 * span);
  const [least, most] = [Math.min(low, ...near), Math.max(high, ...near)];
  return [least - (most - least || span) * 0.1, most + (most - least || span) * 0.1];
}

function label(at: number): string {
  const day = new Date(at * 1_000);
  return shortDate(day.getUTCFullYear() * 10_000 + (day.getUTCMonth() + 1) * 100 + day.getUTCDate());
}

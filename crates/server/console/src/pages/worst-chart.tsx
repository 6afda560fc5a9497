// The worst scenarios as bars, the worst first, with value at risk and shortfall as lines. Heights are floating-point; every
// figure in words is the exact one.
import uPlot from "uplot";
import type { MarketRiskRow } from "../gen/quittance/view/v1/market_risk_pb";
import { axes, colours, useChart, type Drawing } from "../ui/chart";
import { height, text } from "../values/decimal";
import { date, shortDate } from "../values/time";

const HEIGHT = 200;

export function WorstChart({ row, currency }: { row: MarketRiskRow; currency: string }) {
  const key = row.worst.map((each) => `${each.to} ${text(each.result)}`).join() + text(row.valueAtRisk) + text(row.expectedShortfall);
  const place = useChart(key, HEIGHT, () => ({ options: options(row), data: data(row) }));
  const worst = row.worst[0];
  if (!worst) return null;
  return (
    <figure>
      <div ref={place} class="chart worst" role="img" aria-label={`The ${row.worst.length} worst days of the history for what is held now, the worst ${text(worst.result)} ${currency} on ${date(worst.to)}. Value at risk ${text(row.valueAtRisk)}, expected shortfall ${text(row.expectedShortfall)}.`} />
      <figcaption>
        <span class="key floor">worst days</span>
        <span class="key projected">value at risk {text(row.valueAtRisk)}</span>
        <span class="key sure">expected shortfall {text(row.expectedShortfall)}</span>
      </figcaption>
    </figure>
  );
}

/** Ranks from 1; losses point down, as results do. */
function data(row: MarketRiskRow): uPlot.AlignedData {
  const [risk, shortfall] = [-height(row.valueAtRisk), -height(row.expectedShortfall)];
  return [row.worst.map((_, at) => at + 1), row.worst.map((each) => height(each.result)), row.worst.map(() => risk), row.worst.map(() => shortfall)];
}

function options(row: MarketRiskRow): Drawing["options"] {
  const { bad, accent, good } = colours("bad", "accent", "good");
  const { axis, amounts } = axes();
  const least = Math.min(...row.worst.map((each) => height(each.result)), -height(row.expectedShortfall));
  const label = (at: number) => (Number.isInteger(at) && row.worst[at - 1] ? shortDate(row.worst[at - 1]!.to) : "");
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [10, 16, 0, 0],
    scales: { x: { time: false, range: [0.3, row.worst.length + 0.7] }, y: { range: [least * 1.08, Math.max(0, -least * 0.02)] } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10], values: (_, splits) => splits.map(label), space: 52 },
      amounts,
    ],
    series: [
      {},
      { stroke: bad, fill: bad, width: 0, paths: uPlot.paths.bars!({ size: [0.6, 40] }), points: { show: false } },
      { stroke: accent, width: 2, points: { show: false } },
      { stroke: good, width: 2, dash: [6, 4], points: { show: false } },
    ],
  };
}

// A chart in a place of the page: drawn anew when what it shows or the light changes, as wide as its place.
import { useLayoutEffect, useRef, type MutableRef } from "preact/hooks";
import uPlot from "uplot";
import { mark } from "../values/decimal";
import { colour, theme } from "./theme";

export interface Drawing {
  options: Omit<uPlot.Options, "width" | "height">;
  data: uPlot.AlignedData;
}

/** Where it is to stand. `key` says when it is another picture; `draw` makes it with the colours of now. */
export function useChart(key: string, height: number, draw: () => Drawing): MutableRef<HTMLDivElement | null> {
  const place = useRef<HTMLDivElement>(null);
  const now = theme.value;
  useLayoutEffect(() => {
    const box = place.current;
    if (!box) return;
    const { options, data } = draw();
    const chart = new uPlot({ ...options, width: box.clientWidth, height }, data, box);
    const wider = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height }));
    wider.observe(box);
    return () => {
      wider.disconnect();
      chart.destroy();
    };
  }, [key, now]);
  return place;
}

/** Colours of the style sheet by their names. */
export function colours<N extends string>(...names: N[]): Record<N, string> {
  return Object.fromEntries(names.map((name) => [name, colour(`--${name}`)])) as Record<N, string>;
}

/** An axis as every chart has it, and one of amounts. */
export function axes(): { axis: uPlot.Axis; amounts: uPlot.Axis } {
  const { muted, rule } = colours("muted", "rule");
  const axis = { size: 34, stroke: muted, font: "11px Inter, system-ui, sans-serif", grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1, size: 4 } };
  return { axis, amounts: { ...axis, size: 64, values: (_, splits) => splits.map(mark) } };
}

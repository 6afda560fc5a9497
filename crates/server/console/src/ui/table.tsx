// A table of many rows: sorted by TanStack Table, drawn only where it is looked at, walked by keys.
import {
  createTable,
  getCoreRowModel,
  getSortedRowModel,
  type ColumnDef,
  type RowData,
  type SortingState,
  type Table as Model,
} from "@tanstack/table-core";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "./keys";

export interface Column<T> {
  id: string;
  head: string;
  cell: (row: T) => ComponentChildren;
  /** What the rows are sorted by; absent: not sorted by this one. */
  by?: (row: T) => string | number | bigint;
  /** Right-aligned, its digits under one another. */
  figure?: boolean;
  /** CSS width. */
  width?: string;
  title?: string;
}

interface Props<T> {
  label: string;
  rows: T[];
  columns: Column<T>[];
  rowKey: (row: T) => string;
  sort?: { id: string; desc: boolean };
  /** Where Enter and a click lead. */
  onOpen?: (row: T) => void;
  /** Rows seen at once before it scrolls by itself; absent: all are drawn. */
  visible?: number;
  chosen?: string;
  /** The table of its page that j, k and Enter walk. */
  keys?: boolean;
  nothing?: string;
}

/** Pixels of a row; `--row` in the style sheet. */
const ROW = 28;

export function Table<T extends RowData>(props: Props<T>) {
  const { rows, columns } = props;
  const [sorting, setSorting] = useState<SortingState>(props.sort ? [props.sort] : []);
  const [at, setAt] = useState(-1);
  const [top, setTop] = useState(0);
  const frame = useRef<HTMLDivElement>(null);

  const model: Model<T> = useMemo(
    () =>
      createTable<T>({
        data: [],
        columns: columns.map(
          (column): ColumnDef<T> => ({
            id: column.id,
            accessorFn: (row) => column.by?.(row),
            enableSorting: column.by !== undefined,
            sortingFn: (a, b, id) => order(a.getValue(id), b.getValue(id)),
          }),
        ),
        getCoreRowModel: getCoreRowModel(),
        getSortedRowModel: getSortedRowModel(),
        getRowId: props.rowKey,
        state: {},
        onStateChange: () => undefined,
        renderFallbackValue: null,
      }),
    [columns],
  );
  model.setOptions((options) => ({
    ...options,
    data: rows,
    state: { ...model.initialState, sorting },
    onSortingChange: (change) => setSorting(typeof change === "function" ? change(sorting) : change),
  }));
  const sorted = useMemo(() => model.getSortedRowModel().rows, [model, rows, sorting]);

  const windowed = props.visible !== undefined && sorted.length > props.visible;
  const shown = props.visible ?? sorted.length;
  const from = windowed ? Math.max(0, Math.floor(top / ROW) - 8) : 0;
  const until = windowed ? Math.min(sorted.length, from + shown + 16) : sorted.length;

  const move = (by: number) => {
    const next = Math.min(Math.max(at + by, 0), sorted.length - 1);
    setAt(next);
    const box = frame.current;
    if (box && windowed) {
      if (next * ROW < box.scrollTop) box.scrollTop = next * ROW;
      if ((next + 2) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (next + 2) * ROW - box.clientHeight;
    }
  };
  useEffect(() => {
    if (at >= sorted.length) setAt(sorted.length - 1);
  }, [sorted.length]);
  useEffect(() => {
    frame.current?.querySelector("tr.at")?.scrollIntoView?.({ block: "nearest" });
  }, [at]);
  const chosen = sorted[at]?.original;
  useKeys(
    props.onOpen && props.keys
      ? [
          { keys: "j", does: "next row", run: () => move(1) },
          { keys: "k", does: "row before", run: () => move(-1) },
          { keys: "Enter", does: "open the row", run: () => openRow() },
        ]
      : [],
  );
  const openRow = () => {
    // A focused button or link answers Enter itself.
    const focused = document.activeElement;
    if (focused instanceof HTMLElement && focused.matches("a, button")) focused.click();
    else if (chosen !== undefined) props.onOpen?.(chosen);
  };

  return (
    <div
      class={windowed ? "table windowed" : "table"}
      ref={frame}
      style={windowed ? { "--shown": shown } : undefined}
      onScroll={(event) => windowed && setTop(event.currentTarget.scrollTop)}
      // Where it scrolls by itself it must be reachable without a mouse.
      tabIndex={windowed ? 0 : undefined}
      role={windowed ? "region" : undefined}
      aria-label={windowed ? props.label : undefined}
    >
      <table aria-label={props.label} aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => {
              const way = sorting.find((each) => each.id === column.id);
              return (
                <th
                  key={column.id}
                  scope="col"
                  class={column.figure ? "figure" : ""}
                  style={column.width ? { width: column.width } : undefined}
                  title={column.title}
                  aria-sort={way ? (way.desc ? "descending" : "ascending") : undefined}
                >
                  {column.by ? (
                    <button type="button" onClick={() => setSorting([{ id: column.id, desc: way ? !way.desc : false }])}>
                      {column.head}
                      <span class="way" aria-hidden="true">{way ? (way.desc ? "▾" : "▴") : ""}</span>
                    </button>
                  ) : (
                    column.head
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr class="gap" aria-hidden="true"><td colSpan={columns.length} style={{ height: from * ROW }} /></tr>}
          {sorted.slice(from, until).map((row, index) => {
            const here = from + index === at;
            const key = row.id;
            return (
              <tr
                key={key}
                data-row={key}
                aria-rowindex={from + index + 2}
                aria-selected={props.chosen === key ? true : undefined}
                class={`${here ? "at" : ""} ${props.chosen === key ? "chosen" : ""} ${props.onOpen ? "opens" : ""}`}
                onClick={(event) => {
                  if ((event.target as HTMLElement).closest("a, button")) return;
                  setAt(from + index);
                  props.onOpen?.(row.original);
                }}
              >
                {columns.map((column) => (
                  <td key={column.id} class={column.figure ? "figure" : ""}>{column.cell(row.original)}</td>
                ))}
              </tr>
            );
          })}
          {until < sorted.length && (
            <tr class="gap" aria-hidden="true"><td colSpan={columns.length} style={{ height: (sorted.length - until) * ROW }} /></tr>
          )}
        </tbody>
      </table>
      {sorted.length === 0 && <p class="missing">{props.nothing ?? "Nothing."}</p>}
    </div>
  );
}

function order(a: unknown, b: unknown): number {
  return (a as never) < (b as never) ? -1 : (a as never) > (b as never) ? 1 : 0;
}

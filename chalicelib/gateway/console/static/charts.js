// Small pictures of a collection: how it grew, and what it is made of.

import { counted, h, number, svg, when } from "./dom.js";

const WIDTH = 480;
const HEIGHT = 140;

// points: [{Time ms, Rows}], rising in time.
export function growth(points) {
  if (points.length < 2)
    return h("p", { class: "hint" }, "Appears with the second batch of records.");
  const first = points[0].Time;
  const span = Math.max(1, points.at(-1).Time - first);
  const most = Math.max(1, ...points.map(({ Rows }) => Rows));
  const at = ({ Time, Rows }) => [
    (WIDTH * (Time - first)) / span,
    HEIGHT - ((HEIGHT - 8) * Rows) / most,
  ];
  const line = points
    .map((point, index) => {
      const [x, y] = at(point);
      return index ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join("");
  return h(
    "figure",
    { class: "chart" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: "img",
        "aria-label": `Grew to ${number(points.at(-1).Rows)} records`,
        preserveAspectRatio: "none",
      },
      svg("path", { d: `${line}V${HEIGHT}H0Z`, class: "area" }),
      svg("path", { d: line, class: "line" }),
    ),
    h(
      "figcaption",
      {},
      h("span", {}, when(first)),
      h("span", { class: "num" }, number(points.at(-1).Rows)),
      h("span", {}, when(points.at(-1).Time)),
    ),
  );
}

// One bar a segment, as long as its rows go; the log as a row of ticks.
export function tiers(segments, logObjects) {
  const most = Math.max(1, ...segments.map(({ Rows }) => Rows));
  const bars = [...segments]
    .sort((a, b) => b.Rows - a.Rows)
    .slice(0, 24)
    .map(({ Rows }, index) =>
      svg("rect", {
        x: 0,
        y: index * 10,
        height: 7,
        width: Math.max(2, (WIDTH * Rows) / most),
        rx: 2,
        class: "segment",
      }),
    );
  const ticks = Array.from({ length: Math.min(120, logObjects) }, (_, index) =>
    svg("rect", { x: index * 4, y: bars.length * 10 + 4, width: 2, height: 10, class: "tick" }),
  );
  const height = bars.length * 10 + 18;
  return h(
    "figure",
    { class: "chart" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${height}`,
        role: "img",
        "aria-label":
          counted(segments.length, "segment") + ", " + counted(logObjects, "log object"),
      },
      bars,
      ticks,
    ),
    h(
      "figcaption",
      {},
      h(
        "span",
        {},
        segments.length
          ? `${counted(segments.length, "segment")}, the largest of ${counted(most, "row")}`
          : "Everything is still in the log",
      ),
      h("span", {}, counted(logObjects, "log object")),
    ),
  );
}

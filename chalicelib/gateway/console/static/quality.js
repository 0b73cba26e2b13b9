// How good search is on pictures of one's own: a labelled folder goes through the real add and
// search paths, in a collection of its own.

import { call, manage } from "./api.js";
import { button, field, fill, h, number, problem, said, select, table, toast } from "./dom.js";
import { folderZone, listed } from "./folder.js";
import { rowsOf, summary } from "./measure.js";
import { base64, fitted } from "./picture.js";
import { TYPES } from "./words.js";

const DEPTH = 100; // answers looked at for mAP
const MOST = 2000;
const MOST_MISSES = 20;
const MOST_FAILED = 50;

export function qualityView() {
  const type = select(
    TYPES.map(([key, label]) => [key, label]),
    "product",
  );
  const body = h("div", { class: "answer" });
  let halted = { stop: false };
  const start = async (files) => {
    halted.stop = true;
    halted = { stop: false };
    const mine = halted;
    try {
      await evaluate(files, type.value, body, mine);
    } catch (error) {
      fill(body, problem(error));
    }
  };
  const zone = folderZone(start, {
    title: "Drop a labelled folder here",
    label: "Labelled folder",
    hint: "With a labels.csv: path, split (gallery or query…), label, category, instance.",
  });
  return {
    node: h(
      "div",
      { class: "page" },
      h("div", { class: "head" }, h("h1", {}, "Quality")),
      h(
        "p",
        { class: "lead" },
        "Measures search on your own pictures. They are added to a collection made for it, " +
          "searched, and deleted with it.",
      ),
      field("Kind of search", type),
      zone,
      body,
    ),
    stop() {
      halted.stop = true;
    },
  };
}

async function evaluate(files, type, body, halted) {
  const all = listed(files);
  const byPath = new Map(all.map(({ path, file }) => [path, file]));
  const labels = byPath.get("labels.csv");
  if (!labels) {
    toast("That folder has no labels.csv.", "bad");
    return;
  }
  const rows = rowsOf(await labels.text())
    .filter(({ path }) => byPath.has(path))
    .map((row) => ({ ...row, same: row.instance || row.label, file: byPath.get(row.path) }));
  const gallery = rows.filter(({ split }) => split === "gallery" || split === "train");
  const queries = rows.filter(({ split }) => split.startsWith("query") || split === "test");
  if (!gallery.length || !queries.length) {
    toast("labels.csv needs rows of split gallery and of split query.", "bad");
    return;
  }
  if (rows.length > MOST) {
    toast(`More than ${number(MOST)} pictures: use lookalike quality instead.`, "bad");
    return;
  }
  const name = `quality-${crypto.randomUUID().slice(0, 8)}`;
  const bar = h("progress", {
    max: String(gallery.length + queries.length),
    value: 0,
    "aria-label": "Progress",
  });
  const line = h("p", { class: "num", role: "status", "aria-live": "off" });
  fill(
    body,
    h(
      "div",
      { class: "panel" },
      bar,
      line,
      h(
        "div",
        { class: "actions" },
        button("Stop", () => {
          halted.stop = true;
        }),
      ),
    ),
  );
  await manage("CreateCollection", { InstanceName: name, Type: type });
  try {
    const step = (text) => {
      bar.value += 1;
      line.textContent = `${text} ${number(bar.value)} of ${number(bar.max)}`;
    };
    const content = async ({ file }) => base64((await fitted(file)).blob);
    const failures = [];
    await each(gallery, halted, async (row) => {
      try {
        await call("AddImage", {
          InstanceName: name,
          ProductId: row.same || row.path,
          PicName: row.path,
          PicContent: await content(row),
        });
      } catch (error) {
        failures.push({ path: row.path, error });
        row.failed = true;
      }
      step("Added");
    });
    const results = [];
    await each(queries, halted, async (row) => {
      try {
        const answer = await call("SearchImageByPic", {
          InstanceName: name,
          PicContent: await content(row),
          Num: DEPTH,
        });
        const found = answer.Auctions ?? [];
        const relevant = gallery.filter((other) => !other.failed && other.same === row.same).length;
        results.push({
          row,
          found,
          relevant,
          ranked: found.map(({ ProductId }) => ProductId === row.same),
          category: answer.PicInfo?.CategoryId,
        });
      } catch (error) {
        failures.push({ path: row.path, error });
      }
      step("Searched");
    });
    if (!halted.stop) draw(body, results, failures, type);
    else fill(body, h("p", { class: "hint" }, "Stopped."));
  } finally {
    await manage("DropCollection", { InstanceName: name }).catch((error) =>
      toast(`The collection ${name} is left over: ${error.message}`, "bad"),
    );
  }
}

async function each(items, halted, work) {
  const queue = [...items];
  await Promise.all(
    [0, 1, 2].map(async () => {
      while (queue.length && !halted.stop) await work(queue.shift());
    }),
  );
}

function draw(body, results, failures, type) {
  const known = results.filter(({ row }) => row.same);
  const labelled = results.filter(
    ({ row }) => type === "product" && row.category !== "" && row.category !== undefined,
  );
  const right = labelled.filter(({ row, category }) => Number(row.category) === Number(category));
  fill(
    body,
    h(
      "section",
      {},
      h("h2", {}, "Retrieval"),
      table(
        "Retrieval",
        ["Split", "Queries", "R@1", "R@5", `mAP@${DEPTH}`],
        [...Map.groupBy(known, ({ row }) => row.split)].map(([split, queries]) => {
          const { r1, r5, map } = summary(queries);
          return [said(split), number(queries.length), percent(r1), percent(r5), percent(map)];
        }),
        { class: "numbers" },
      ).node,
    ),
    labelled.length
      ? h(
          "p",
          {},
          `Category right for ${percent(right.length / labelled.length)} ` +
            `of ${number(labelled.length)} labelled queries.`,
        )
      : null,
    h("section", {}, h("h2", {}, "Worst misses"), misses(known)),
    failures.length
      ? h(
          "section",
          {},
          h("h2", {}, "Failed"),
          h(
            "ul",
            {},
            failures
              .slice(0, MOST_FAILED)
              .map(({ path, error }) => h("li", {}, said(path), ": ", said(error.message))),
          ),
        )
      : null,
  );
}

const percent = (value) => `${(100 * value).toFixed(1)} %`;

// The surest mistakes first.
function misses(results) {
  const sure = ({ found }) => Number(found[0]?.Score ?? 0);
  const worst = results
    .filter(({ ranked }) => !ranked[0])
    .sort((a, b) => sure(b) - sure(a))
    .slice(0, MOST_MISSES);
  if (!worst.length) return h("p", { class: "hint" }, "None: every first answer was right.");
  return h(
    "ul",
    { class: "misses" },
    worst.map(({ row, found }) => {
      const url = URL.createObjectURL(row.file);
      const image = h("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) });
      return h(
        "li",
        {},
        image,
        h(
          "div",
          {},
          said(row.path, { class: "said strong" }),
          h(
            "p",
            {},
            "is ",
            said(row.same),
            ", taken for ",
            said(found[0]?.ProductId ?? "nothing"),
            ` (${sure({ found }).toFixed(3)})`,
          ),
        ),
      );
    }),
  );
}

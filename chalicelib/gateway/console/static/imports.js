// Imports: a folder of this computer, picture by picture from the browser, or a bucket that the
// service reads itself.

import { call, manage } from "./api.js";
import {
  busy,
  button,
  field,
  fill,
  h,
  lasting,
  link,
  number,
  problem,
  said,
  table,
  when,
} from "./dom.js";
import { changed, current, state } from "./state.js";
import { folderImport } from "./upload.js";

const POLL_MS = 1000;

export function importsView() {
  const jobs = bucketImport();
  const into = h("p", { class: "lead" });
  const draw = () =>
    fill(
      into,
      current()
        ? ["Into ", said(current().Name), ". Choose another collection at the top."]
        : "Create a collection first.",
    );
  draw();
  const forget = changed(() => {
    draw();
    jobs.load();
  });
  return {
    node: h(
      "div",
      { class: "page" },
      h("div", { class: "head" }, h("h1", {}, "Imports")),
      into,
      folderImport(),
      jobs.node,
    ),
    stop() {
      forget();
      jobs.stop();
    },
  };
}

function bucketImport() {
  const list = h("div", {});
  const errors = new Map(); // by job, what was asked for: it outlives the list's redrawing
  let timer = null;
  let stopped = false;
  const bucket = h("input", {
    name: "BucketName",
    type: "text",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  const path = h("input", {
    name: "Path",
    type: "text",
    required: true,
    value: "/",
    autocomplete: "off",
    spellcheck: "false",
  });
  const load = async () => {
    clearTimeout(timer);
    if (stopped || !state.current) return;
    try {
      const { Data } = await call("IncreaseList", { InstanceName: state.current, PageSize: 20 });
      const rows = Data.Increments?.Instance ?? [];
      const live = await Promise.all(
        rows.map((row) =>
          row.Status === "PROCESSING"
            ? manage("ImportProgress", { InstanceName: state.current, Id: row.Id }).catch(
                () => null,
              )
            : null,
        ),
      );
      if (stopped) return;
      fill(
        list,
        rows.length
          ? h(
              "ul",
              { class: "rows jobs" },
              rows.map((row, at) => job(row, live[at], errors)),
            )
          : h("p", { class: "hint" }, "No import yet."),
      );
      if (rows.some(({ Status }) => Status === "PROCESSING")) timer = setTimeout(load, POLL_MS);
    } catch (error) {
      fill(list, problem(error));
    }
  };
  const form = h(
    "form",
    {
      class: "line",
      onsubmit: async (event) => {
        event.preventDefault();
        if (
          await busy(event.submitter, () =>
            call("IncreaseInstance", {
              InstanceName: state.current,
              BucketName: bucket.value.trim(),
              Path: path.value.trim(),
            }),
          )
        )
          load();
      },
    },
    field("Bucket", bucket),
    field("Folder", path, "Holds increment.meta; begins with /"),
    h("button", { class: "button" }, "Start"),
  );
  load();
  return {
    node: h("section", {}, h("h2", {}, "From a bucket"), form, list),
    load,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function job(row, live, errors) {
  if (!errors.has(row.Id)) errors.set(row.Id, h("div", {}));
  const below = errors.get(row.Id);
  return h(
    "li",
    { class: "job" },
    h(
      "div",
      { class: "job-head" },
      h("span", { class: `tag ${row.Status.toLowerCase()}` }, row.Status),
      said(`${row.BucketName}${row.Path}`),
      h("span", { class: "faint" }, when(row.UtcCreate)),
    ),
    live
      ? h(
          "div",
          {},
          h("progress", {
            max: String(live.Total || 1),
            value: live.Done,
            "aria-label": "Import progress",
          }),
          h(
            "p",
            { class: "num" },
            `${number(live.Done)} of ${number(live.Total)}, ${number(live.Failed)} failed`,
            h(
              "span",
              { class: "faint" },
              ` · ${live.PerSecond.toFixed(1)} per second`,
              live.EtaSeconds === null ? null : ` · ${lasting(live.EtaSeconds)} left`,
            ),
          ),
        )
      : null,
    row.Msg && row.Msg !== "success" ? h("p", {}, said(row.Msg)) : null,
    row.ErrorUrl
      ? h(
          "div",
          { class: "actions" },
          button("Show the errors", (event) => show(below, row, event.currentTarget)),
          link(row.ErrorUrl, "Download them", "errors.jsonl"),
        )
      : null,
    below,
  );
}

async function show(into, row, control) {
  const rows = await busy(
    control,
    async () => (await manage("ImportErrors", { InstanceName: state.current, Id: row.Id })).Errors,
  );
  if (!rows) return;
  const cells = rows.map(({ Line, Code, Message, Input }) => [
    `line ${Line}`,
    h("code", {}, said(Code)),
    said(Message),
    said(Input),
  ]);
  fill(into, table("Errors", ["Line", "Code", "Reason", "Input"], cells, { class: "stack" }).node);
}

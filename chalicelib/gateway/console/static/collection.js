// One collection in detail.

import { call, manage } from "./api.js";
import { growth, tiers } from "./charts.js";
import {
  busy,
  button,
  confirmed,
  field,
  fill,
  h,
  link,
  number,
  problem,
  said,
  sized,
  toast,
  when,
} from "./dom.js";
import { addDialog } from "./edit.js";
import { choose, refresh, state } from "./state.js";
import { typeName } from "./words.js";

export function collectionView(name) {
  const node = h("div", { class: "page" });
  const load = async () => {
    try {
      const [about, detail] = await Promise.all([
        manage("DescribeCollection", { InstanceName: name }),
        call("Detail", { InstanceName: name }),
      ]);
      draw(about, detail.Instance);
      health();
    } catch (error) {
      fill(node, h("h1", {}, said(name)), problem(error));
    }
  };
  const checks = h("div", { role: "status" });
  const draw = (about, detail) =>
    fill(
      node,
      h("p", { class: "crumbs" }, h("a", { href: "#/collections" }, "Collections")),
      h(
        "div",
        { class: "head" },
        h(
          "div",
          { class: "tagged" },
          h("h1", {}, said(name)),
          h("span", { class: "tag" }, typeName(about.Type)),
        ),
        h(
          "div",
          { class: "actions" },
          button("Search in it", () => {
            choose(name);
            location.hash = "#/search";
          }),
          button("Add a picture", async () => {
            choose(name);
            if (await addDialog()) load();
          }),
        ),
      ),
      h(
        "div",
        { class: "tiles" },
        tile("Records", number(detail.TotalCount), `of ${number(detail.Capacity * 10_000)}`),
        tile("Segments", number(about.Segments.length), about.Bytes ? sized(about.Bytes) : ""),
        tile(
          "Log",
          number(about.LogObjects),
          about.LogObjects === 1
            ? "object since the last compaction"
            : "objects since the last compaction",
        ),
        tile("Created", when(about.Created).slice(0, 10), ""),
      ),
      h(
        "div",
        { class: "columns" },
        h("section", {}, h("h2", {}, "Growth"), growth(about.Growth)),
        h("section", {}, h("h2", {}, "Segments and log"), tiers(about.Segments, about.LogObjects)),
      ),
      h(
        "section",
        {},
        h("h2", {}, "Models"),
        h(
          "dl",
          { class: "inline" },
          h("dt", {}, "Fingerprint"),
          h("dd", {}, h("code", {}, about.Fingerprint.slice(0, 16))),
          h("dt", {}, "Feature"),
          h("dd", {}, `${about.Dimension} numbers, ${about.Bits}-bit code`),
        ),
        about.Current
          ? h("p", { class: "hint" }, "Made by the models this service runs.")
          : h(
              "p",
              { class: "note bad" },
              "Made by other models than this service runs. " +
                "Import its pictures again to search in it.",
            ),
      ),
      h("section", {}, h("h2", {}, "Health"), checks),
      pictures(name),
      exports(name),
      h(
        "section",
        { class: "danger-zone" },
        h("h2", {}, "Delete"),
        h("p", {}, "Deletes the collection with all its records."),
        button("Delete the collection", drop, { class: "button danger" }),
      ),
    );
  const health = async () => {
    fill(checks, h("p", { class: "faint" }, "Looking…"));
    try {
      const { Checks } = await manage("CheckHealth", { InstanceName: name });
      fill(
        checks,
        h(
          "ul",
          { class: "checks" },
          Checks.map(({ Name, State, Message }) =>
            h(
              "li",
              { class: State },
              h("span", { class: "dot", "aria-hidden": "true" }),
              h("span", {}, h("strong", {}, `${Name}: ${State}`), " ", said(Message)),
            ),
          ),
        ),
      );
    } catch (error) {
      fill(checks, problem(error));
    }
  };
  const drop = async () => {
    if (
      !(await confirmed(
        "Delete the collection",
        ["Delete ", said(name), " with all its records? This cannot be undone."],
        "Delete it",
      ))
    )
      return;
    try {
      await manage("DropCollection", { InstanceName: name });
      toast("Deleted.");
      await refresh();
      location.hash = "#/collections";
    } catch (error) {
      toast(`${error.code}: ${error.message}`, "bad");
    }
  };
  fill(node, h("h1", {}, said(name)), h("p", { class: "faint" }, "Opening…"));
  load();
  return { node, stop() {} };
}

function tile(label, value, hint) {
  return h(
    "div",
    { class: "tile" },
    h("span", { class: "faint" }, label),
    h("span", { class: "num big nowrap" }, value),
    h("small", { class: "faint" }, hint),
  );
}

function pictures(name) {
  const url = state.collections.find(({ Name }) => Name === name)?.PictureUrl ?? "";
  const input = h("input", {
    type: "text",
    value: url,
    maxlength: "1000",
    placeholder: "https://cdn.example/{PicName}",
    spellcheck: "false",
  });
  return h(
    "section",
    {},
    h("h2", {}, "Pictures"),
    h(
      "form",
      {
        class: "line",
        onsubmit: async (event) => {
          event.preventDefault();
          if (
            await busy(event.submitter, () =>
              manage("SetPictureUrl", {
                InstanceName: name,
                PictureUrl: input.value.trim() || "none",
              }),
            )
          ) {
            await refresh();
            toast("Saved.");
          }
        },
      },
      field(
        "Picture URL",
        input,
        "Pictures are not stored. {PicName} and {ProductId} stand for a record's own.",
      ),
      h("button", { class: "button" }, "Save"),
    ),
  );
}

// An export is a file of increment.meta lines; it can be imported again beside the same pictures.
function exports(name) {
  const list = h("div", { role: "status" });
  let timer = null;
  const load = async () => {
    clearTimeout(timer);
    const { Data } = await call("DumpMetaList", { InstanceName: name, PageSize: 5 });
    const rows = Data.DumpMetaList ?? [];
    fill(
      list,
      rows.length
        ? h(
            "ul",
            { class: "rows" },
            rows.map((row) =>
              h(
                "li",
                { class: "job" },
                h(
                  "div",
                  { class: "job-head" },
                  h("span", { class: `tag ${row.Status.toLowerCase()}` }, row.Status),
                  row.MetaUrl ? link(row.MetaUrl, "Download", "increment.meta") : null,
                  row.Msg && row.Msg !== "success" ? said(row.Msg) : null,
                  h("span", { class: "faint" }, when(row.UtcCreate)),
                ),
              ),
            ),
          )
        : null,
    );
    if (list.isConnected && rows.some(({ Status }) => Status === "PROCESSING"))
      timer = setTimeout(() => load().catch(() => {}), 1000);
  };
  const start = button("Export the records", () =>
    busy(start, async () => {
      await call("DumpMeta", { InstanceName: name });
      await load();
    }),
  );
  return h(
    "section",
    {},
    h("h2", {}, "Export"),
    h(
      "p",
      { class: "hint" },
      "Every record as a line of increment.meta. Pictures are no part of it.",
    ),
    h("div", { class: "actions" }, start),
    list,
  );
}

// One result: its picture where a template says where to find it, what it is, how near it is, and
// what can be done with it.

import { call } from "./api.js";
import { attributeFields, readAttributes } from "./edit.js";
import { button, busy, confirmed, dialog, h, said, toast, visible } from "./dom.js";
import { compareDialog } from "./compare.js";
import { current, state } from "./state.js";
import { meter, thumb } from "./thumb.js";
import { ATTRIBUTES, categoryName, sortValues } from "./words.js";

export function card(row, rank, actions) {
  const { hamming, identical } = sortValues(row.SortExprValues);
  const score = Number(row.Score ?? 0);
  return h(
    "li",
    { class: `card ${identical ? "identical" : ""}` },
    h(
      "div",
      { class: "card-picture" },
      thumb(row),
      h("span", { class: "rank" }, `${rank}`),
      identical ? h("span", { class: "badge" }, "identical") : null,
    ),
    h(
      "div",
      { class: "card-body" },
      said(row.ProductId, { class: "said strong" }),
      said(row.PicName, { class: "said faint" }),
      h(
        "div",
        { class: "score" },
        meter(score, { "aria-hidden": "true" }),
        h("span", { class: "num" }, score.toFixed(3)),
      ),
      h(
        "p",
        { class: "facts" },
        current()?.Type === "product" ? `${categoryName(row.CategoryId)} · ` : "",
        `Hamming ${hamming}`,
      ),
      h(
        "div",
        { class: "actions tight" },
        button("Alike", () => actions.like(row), {
          "aria-label": `Alike: search pictures like ${visible(row.PicName)}`,
        }),
        button("Details", () => details(row, rank, actions), {
          "aria-label": `Details of ${visible(row.PicName)}`,
        }),
      ),
    ),
  );
}

async function details(row, rank, actions) {
  const after = await dialog("Details", (close) => [
    h(
      "div",
      { class: "detail" },
      h("div", { class: "card-picture" }, thumb(row)),
      h(
        "dl",
        {},
        term("Product", said(row.ProductId)),
        term("Picture", said(row.PicName)),
        current()?.Type === "product"
          ? term("Category", `${categoryName(row.CategoryId)} (${row.CategoryId})`)
          : null,
        ATTRIBUTES.filter(([key]) => row[key] !== undefined).map(([key, name]) =>
          term(name, said(row[key])),
        ),
        row.CustomContent
          ? term("Content", said(row.CustomContent, { class: "said block" }))
          : null,
      ),
    ),
    why(row, rank, actions.info),
    h(
      "div",
      { class: "actions" },
      actions.query
        ? button("Compare side by side", async () => {
            close();
            await compareDialog({ query: actions.query, row });
          })
        : null,
      button("Change", () => close("change")),
      button("Delete", () => close("delete"), { class: "button danger" }),
    ),
  ]);
  if (after === "change") await change(row, actions);
  if (after === "delete") await remove(row, actions);
}

const term = (name, ...value) => [h("dt", {}, name), h("dd", {}, value)];

function why(row, rank, info) {
  const { relevance, hamming, identical } = sortValues(row.SortExprValues);
  if (!relevance) return null;
  const sentence = identical
    ? "Its features equal the query's exactly: it is the same picture, or the same part of it."
    : `Of the bits of the two codes ${hamming} differ, which put it on the short list; ` +
      `the finer features then ranked it ${rank}.`;
  return h(
    "section",
    { class: "why" },
    h("h3", {}, "Why it matched"),
    h("p", {}, sentence),
    h(
      "dl",
      { class: "inline" },
      term("Score", Number(row.Score ?? 0).toFixed(4)),
      term("Relevance", relevance),
      term("Hamming", String(hamming)),
      info?.Region ? term("Query region", said(info.Region)) : null,
      info?.CategoryId !== undefined && current()?.Type === "product"
        ? term("Searched as", categoryName(info.CategoryId))
        : null,
    ),
  );
}

async function change(row, actions) {
  const done = await dialog("Change", (close) => {
    const fields = attributeFields(row);
    const form = h(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          const ok = await busy(event.submitter, () =>
            call("UpdateImage", {
              InstanceName: state.current,
              ProductId: row.ProductId,
              PicName: row.PicName,
              ...readAttributes(form),
            }),
          );
          if (ok) close(true);
        },
      },
      h(
        "p",
        {},
        said(row.ProductId),
        " / ",
        said(row.PicName),
        ". Fields left empty stay as they are.",
      ),
      fields,
      h(
        "div",
        { class: "actions" },
        button("Cancel", () => close(false)),
        h("button", { class: "button primary" }, "Save"),
      ),
    );
    return form;
  });
  if (done) {
    toast("Changed.");
    actions.changed();
  }
}

async function remove(row, actions) {
  if (
    !(await confirmed(
      "Delete",
      [
        "Delete ",
        said(row.ProductId),
        " / ",
        said(row.PicName),
        " from ",
        said(state.current),
        "? It can be added again from its picture.",
      ],
      "Delete",
    ))
  )
    return;
  try {
    await call("DeleteImage", {
      InstanceName: state.current,
      ProductId: row.ProductId,
      PicName: row.PicName,
    });
    toast("Deleted.");
    actions.changed();
  } catch (error) {
    toast(`${error.code}: ${error.message}`, "bad");
  }
}

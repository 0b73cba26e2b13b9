// What narrows a search: category, filter, one picture a product, least score.

import { button, fill, h } from "./dom.js";
import { filterField } from "./filter.js";
import { current, state } from "./state.js";
import { CATEGORIES } from "./words.js";

const WIDE = matchMedia("(min-width: 60rem)");

export class Narrow {
  constructor(again) {
    this.again = again;
    this.chosen = null;
    this.filter = filterField(again);
    this.category = h("div", { class: "chips", role: "group", "aria-label": "Category" });
    this.distinct = h("input", { type: "checkbox", id: "distinct", onchange: again });
    this.threshold = h("input", {
      type: "range",
      id: "least",
      min: "0",
      max: "1",
      step: "0.01",
      value: "0",
      onchange: again,
      oninput: () => {
        this.least.textContent = this.threshold.value;
      },
    });
    this.least = h("output", { for: "least" }, "0");
    this.node = h("details", { class: "panel options-panel", open: WIDE.matches });
  }

  get parameters() {
    const least = Number(this.threshold.value);
    return {
      Filter: this.filter.text,
      CategoryId: this.chosen,
      DistinctProductId: this.distinct.checked || null,
      ScoreThreshold: least > 0 ? least.toFixed(2) : null,
    };
  }

  learn(rows) {
    this.filter.learn(rows);
  }

  clear() {
    this.chosen = null;
    this.filter.clear();
  }

  // Drawn once for a collection; what a search answers only changes the categories.
  draw(info) {
    const product = current()?.Type === "product";
    if (this.drawnFor !== state.current) {
      this.drawnFor = state.current;
      this.node.hidden = !state.current;
      fill(this.node, state.current ? this.controls(product) : null);
    }
    if (product) this.drawCategories(info);
  }

  controls(product) {
    return [
      h("summary", {}, "Narrow the search"),
      product ? h("div", { class: "field" }, h("h2", {}, "Category"), this.category) : null,
      this.filter.node,
      h("label", { class: "check" }, this.distinct, "Best picture of each product only"),
      h(
        "div",
        { class: "field" },
        h("label", { for: "least" }, "Least score ", this.least),
        this.threshold,
      ),
    ];
  }

  drawCategories(info) {
    if (!info) {
      fill(this.category, h("p", { class: "hint" }, "Predicted from the picture."));
      return;
    }
    const used = Number(info.CategoryId);
    fill(
      this.category,
      CATEGORIES.map(([id, name]) =>
        button(
          id === used && this.chosen === null ? [name, h("small", {}, " predicted")] : name,
          () => {
            this.chosen = this.chosen === id ? null : id;
            this.again();
          },
          { class: "button chip", "aria-pressed": String(id === used) },
        ),
      ),
    );
  }
}

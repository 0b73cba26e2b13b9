// The search view: a picture (or an indexed one) on the left, what looks like it on the right.

import { call } from "./api.js";
import { SubjectBox } from "./box.js";
import { card } from "./cards.js";
import { addDialog } from "./edit.js";
import { button, field, fill, h, number, problem, said } from "./dom.js";
import { filterField } from "./filter.js";
import { accept, base64, dropZone, opened, pasted } from "./picture.js";
import { changed, current, state } from "./state.js";
import { CATEGORIES } from "./words.js";

const PAGE = 12;
const WIDE = matchMedia("(min-width: 60rem)");
const REACH = 500; // the service answers no further

export function searchView() {
  const view = new Search();
  return { node: view.node, stop: () => view.stop() };
}

class Search {
  constructor() {
    Object.assign(this, { picture: null, indexed: null, region: null, whole: false, start: 0, abort: null, box: null, content: null });
    this.filter = filterField(() => this.again());
    this.category = h("div", { class: "chips", role: "group", "aria-label": "Category" });
    this.chosen = null;
    this.distinct = h("input", { type: "checkbox", id: "distinct", onchange: () => this.again() });
    this.threshold = h("input", { type: "range", id: "least", min: "0", max: "1", step: "0.01", value: "0", onchange: () => this.again(), oninput: () => { this.least.textContent = this.threshold.value; } });
    this.least = h("output", { for: "least" }, "0");
    this.query = h("section", { class: "query", "aria-label": "Query" });
    this.status = h("p", { class: "status", role: "status", "aria-live": "polite" });
    this.results = h("section", { class: "results", "aria-label": "Results" });
    this.options = h("details", { class: "panel options-panel", open: WIDE.matches });
    this.node = h("div", { class: "search" }, h("h1", { class: "visually-hidden" }, "Search"), h("div", { class: "side" }, this.query, this.options), h("div", { class: "found" }, this.status, this.results));
    accept(this.node, (file) => this.open(file));
    this.onpaste = (event) => { const file = pasted(event); if (file) { event.preventDefault(); this.open(file); } };
    document.addEventListener("paste", this.onpaste);
    this.forget = changed(() => this.fresh());
    this.fresh();
  }

  stop() {
    this.forget();
    this.abort?.abort();
    document.removeEventListener("paste", this.onpaste);
    state.pending = this.picture ? { file: this.picture.blob } : this.indexed ? { row: this.indexed, of: this.shown } : null; // for when this view comes back
    if (this.picture?.url) URL.revokeObjectURL(this.picture.url);
  }

  // Another collection: the picture stays, what was found and chosen does not.
  fresh() {
    if (this.shown === state.current) return;
    this.shown = state.current;
    const pending = state.pending;
    state.pending = null;
    Object.assign(this, { chosen: null, region: null, whole: false, start: 0 });
    if (this.indexed) this.indexed = null;
    this.filter.clear();
    this.drawOptions(null);
    this.drawQuery();
    fill(this.results, this.welcome());
    this.status.textContent = "";
    if (pending?.file) this.open(pending.file);
    else if (pending?.row && pending.of === state.current) this.like(pending.row);
    else if (this.picture) this.run();
  }

  welcome() {
    const collection = current();
    if (!collection) return h("div", { class: "empty" }, h("h2", {}, "No collection yet"), h("p", {}, "A collection holds the pictures you search in."), h("a", { class: "button primary", href: "#/collections" }, "Create one"));
    return h("div", { class: "empty" }, h("h2", {}, "What looks like it?"),
      h("p", {}, "Drop, paste, take or choose a picture. It is looked at, compared with ", said(collection.Name), " and forgotten: only features are ever kept."));
  }

  async open(file) {
    const began = performance.now();
    const picture = await opened(file);
    if (this.picture?.url) URL.revokeObjectURL(this.picture.url);
    Object.assign(this, { picture, indexed: null, region: null, whole: false, chosen: null, start: 0, content: null });
    this.drawQuery();
    await this.run(began);
  }

  async like(row) {
    Object.assign(this, { indexed: { ProductId: row.ProductId, PicName: row.PicName }, region: null, whole: false, chosen: null, start: 0 });
    if (this.picture?.url) URL.revokeObjectURL(this.picture.url);
    this.picture = null;
    this.drawQuery();
    await this.run();
  }

  again() { this.start = 0; return this.run(); }

  async run(began = performance.now()) {
    if (!this.picture && !this.indexed) return;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.results.setAttribute("aria-busy", "true");
    try {
      const answer = await call(...(await this.request()), { signal: abort.signal });
      if (abort.signal.aborted) return;
      this.draw(answer, Math.round(performance.now() - began));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.status.textContent = "";
      fill(this.results, problem(error));
    } finally {
      if (!abort.signal.aborted) this.results.removeAttribute("aria-busy");
    }
  }

  async request() {
    const common = {
      InstanceName: state.current, Num: Math.min(PAGE, REACH - this.start), Start: this.start, Filter: this.filter.text,
      CategoryId: this.chosen, DistinctProductId: this.distinct.checked || null,
      ScoreThreshold: Number(this.threshold.value) > 0 ? Number(this.threshold.value).toFixed(2) : null,
    };
    if (this.indexed) return ["SearchImageByName", { ...common, ...this.indexed }];
    this.content ??= await base64(this.picture.blob);
    return ["SearchImageByPic", { ...common, PicContent: this.content, Crop: this.whole ? false : null, Region: this.whole ? null : this.region?.join(",") }];
  }

  draw(answer, took) {
    const info = answer.PicInfo ?? {};
    const { DocsFound: found = 0, SearchTime: engine } = answer.Head ?? {};
    const rows = answer.Auctions ?? [];
    this.filter.learn(rows);
    this.drawBox(info);
    this.drawOptions(info);
    fill(this.status, h("strong", {}, number(found)), found === 1 ? " candidate" : " candidates", h("span", { class: "faint" }, ` · ${took} ms here, ${engine ?? "–"} ms in the service`));
    this.status.dataset.ms = took;
    if (!rows.length) {
      fill(this.results, h("div", { class: "empty" }, h("h2", {}, "Nothing like it"), h("p", {}, found ? "The score threshold hides everything that was found." : "No record passes the category and the filter.")));
      return;
    }
    fill(this.results,
      h("ol", { class: "cards", start: this.start + 1 }, rows.map((row, at) => card(row, this.start + at + 1, { like: (of) => this.like(of), changed: () => this.run(), query: this.picture, info }))),
      this.pager(found));
  }

  pager(found) {
    const pages = Math.ceil(Math.min(found, REACH) / PAGE);
    if (pages < 2) return null;
    const at = this.start / PAGE;
    const go = async (page) => {
      this.start = page * PAGE;
      this.status.scrollIntoView({ block: "start" });
      await this.run();
      if (document.activeElement === document.body) this.results.querySelector(".pager [aria-current]")?.focus({ preventScroll: true }); // there is no next page
    };
    const near = [...new Set([0, at - 1, at, at + 1, pages - 1])].filter((page) => page >= 0 && page < pages).sort((a, b) => a - b);
    return h("nav", { class: "pager", "aria-label": "Pages" },
      button("Previous", () => go(at - 1), { disabled: at === 0 }),
      near.map((page, index) => [index && page - near[index - 1] > 1 ? h("span", { class: "faint" }, "…") : null,
        button(String(page + 1), () => go(page), { "aria-current": page === at ? "page" : null })]),
      button("Next", () => go(at + 1), { disabled: at >= pages - 1 }));
  }

  drawQuery() {
    this.box = null;
    if (!state.current) { fill(this.query); return; }
    if (this.indexed) {
      fill(this.query, h("div", { class: "indexed" }, h("small", { class: "faint" }, "Like the indexed picture"), said(this.indexed.ProductId, { class: "said strong" }), said(this.indexed.PicName)),
        h("div", { class: "actions" }, button("Another picture", () => this.reset())));
      return;
    }
    if (!this.picture) { fill(this.query, dropZone((file) => this.open(file)), this.byName()); return; }
    const tools = [
      this.subjects() ? h("label", { class: "check" }, h("input", { type: "checkbox", checked: this.whole, onchange: (event) => { this.whole = event.target.checked; this.region = null; this.again(); } }), "Whole picture") : null,
      h("div", { class: "actions" }, button("Add it", async () => { if (await addDialog(this.picture, { region: this.whole ? null : this.region, whole: this.whole })) this.run(); }),
      button("Another picture", () => this.reset()))];
    if (this.picture.url) {
      this.box = new SubjectBox({ ...this.picture, alt: "The picture searched with", onchange: (region) => { this.region = region; this.whole = false; this.again(); } });
    }
    this.subjectNote = h("p", { class: "hint" });
    fill(this.query, this.box?.node ?? h("p", { class: "note" }, "This browser cannot show the picture; the service may still read it."), this.subjectNote, tools);
  }

  subjects() { return current()?.Type !== "fabric"; }

  drawBox(info) {
    if (!this.box || !this.picture) return;
    const used = parsed(info.Region);
    const covered = !used || !this.subjects() || this.whole;
    this.box.settle(covered ? null : used);
    const others = covered ? [] : (info.MultiRegion ?? []).map(({ Region }) => parsed(Region)).filter((region) => region && region.join() !== used.join());
    this.box.offer(others, (region) => { this.region = region; this.again(); });
    fill(this.subjectNote, covered ? "The whole picture is compared." : `Subject ${used[1] - used[0]} × ${used[3] - used[2]} px. Drag the box or its corners to search again.`,
      others.length ? ` ${others.length} other ${others.length === 1 ? "subject" : "subjects"} outlined.` : "");
  }

  // Drawn once for a collection; what a search answers only changes the categories.
  drawOptions(info) {
    const product = current()?.Type === "product";
    if (this.optionsFor !== state.current) {
      this.optionsFor = state.current;
      this.options.hidden = !state.current;
      fill(this.options, state.current ? [
        h("summary", {}, "Narrow the search"),
        product ? h("div", { class: "field" }, h("h2", {}, "Category"), this.category) : null,
        this.filter.node,
        h("label", { class: "check" }, this.distinct, "Best picture of each product only"),
        h("div", { class: "field" }, h("label", { for: "least" }, "Least score ", this.least), this.threshold),
      ] : null);
    }
    if (!product) return;
    if (!info) { fill(this.category, h("p", { class: "hint" }, "Predicted from the picture.")); return; }
    const used = Number(info.CategoryId);
    fill(this.category, CATEGORIES.map(([id, name]) => button(id === used && this.chosen === null ? [name, h("small", {}, " predicted")] : name,
      () => { this.chosen = this.chosen === id ? null : id; this.again(); }, { class: "button chip", "aria-pressed": String(id === used) })));
  }

  byName() {
    const product = h("input", { type: "text", required: true, maxlength: "512", autocomplete: "off" });
    const name = h("input", { type: "text", required: true, maxlength: "512", autocomplete: "off" });
    return h("details", { class: "byname" }, h("summary", {}, "Search by an indexed picture"),
      h("form", { onsubmit: (event) => { event.preventDefault(); this.like({ ProductId: product.value, PicName: name.value }); } },
        field("Product", product), field("Picture name", name), h("button", { class: "button" }, "Search")));
  }

  reset() {
    this.abort?.abort();
    if (this.picture?.url) URL.revokeObjectURL(this.picture.url);
    Object.assign(this, { picture: null, indexed: null, region: null, whole: false, chosen: null, start: 0, content: null });
    this.drawQuery();
    this.drawOptions(null);
    this.status.textContent = "";
    fill(this.results, this.welcome());
  }
}

export function parsed(text) {
  const numbers = String(text ?? "").split(",").map(Number);
  return numbers.length === 4 && numbers.every(Number.isInteger) ? numbers : null;
}


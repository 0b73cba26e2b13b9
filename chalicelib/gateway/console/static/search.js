// The search view: a picture (or an indexed one) on the left, what looks like it on the right.

import { call } from "./api.js";
import { SubjectBox, parsed } from "./box.js";
import { byName } from "./byname.js";
import { card } from "./cards.js";
import { button, fill, h, number, problem, said } from "./dom.js";
import { addDialog } from "./edit.js";
import { Narrow } from "./narrow.js";
import { PAGE, REACH, pager } from "./pager.js";
import { accept, base64, dropZone, opened, pasted } from "./picture.js";
import { changed, current, state } from "./state.js";
import { welcome } from "./welcome.js";

export function searchView() {
  const view = new Search();
  return { node: view.node, stop: () => view.stop() };
}

class Search {
  constructor() {
    Object.assign(this, {
      picture: null,
      indexed: null,
      region: null,
      whole: false,
      start: 0,
      abort: null,
      box: null,
      content: null,
    });
    this.narrow = new Narrow(() => this.again());
    this.query = h("section", { class: "query", "aria-label": "Query" });
    this.status = h("p", { class: "status", role: "status", "aria-live": "polite" });
    this.results = h("section", { class: "results", "aria-label": "Results" });
    this.node = h(
      "div",
      { class: "search" },
      h("h1", { class: "visually-hidden" }, "Search"),
      h("div", { class: "side" }, this.query, this.narrow.node),
      h("div", { class: "found" }, this.status, this.results),
    );
    accept(this.node, (file) => this.open(file));
    this.onpaste = (event) => {
      const file = pasted(event);
      if (file) {
        event.preventDefault();
        this.open(file);
      }
    };
    document.addEventListener("paste", this.onpaste);
    this.forget = changed(() => this.fresh());
    this.fresh();
  }

  stop() {
    this.forget();
    this.abort?.abort();
    document.removeEventListener("paste", this.onpaste);
    state.pending = this.picture
      ? { file: this.picture.blob }
      : this.indexed
        ? { row: this.indexed, of: this.shown }
        : null; // for when this view comes back
    if (this.picture?.url) URL.revokeObjectURL(this.picture.url);
  }

  // Another collection: the picture stays, what was found and chosen does not.
  fresh() {
    if (this.shown === state.current) return;
    this.shown = state.current;
    const pending = state.pending;
    state.pending = null;
    Object.assign(this, { region: null, whole: false, start: 0 });
    if (this.indexed) this.indexed = null;
    this.narrow.clear();
    this.narrow.draw(null);
    this.drawQuery();
    fill(this.results, welcome());
    this.status.textContent = "";
    if (pending?.file) this.open(pending.file);
    else if (pending?.row && pending.of === state.current) this.like(pending.row);
    else if (this.picture) this.run();
  }

  async open(file) {
    const began = performance.now();
    this.ask({ picture: await opened(file) });
    await this.run(began);
  }

  async like(row) {
    this.ask({ indexed: { ProductId: row.ProductId, PicName: row.PicName } });
    await this.run();
  }

  // Another query: nothing of the one before stays.
  ask(query) {
    if (this.picture?.url) URL.revokeObjectURL(this.picture.url);
    const fresh = { picture: null, indexed: null, region: null, whole: false, start: 0 };
    Object.assign(this, fresh, { content: null }, query);
    this.narrow.chosen = null;
    this.drawQuery();
  }

  again() {
    this.start = 0;
    return this.run();
  }

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
      InstanceName: state.current,
      Num: Math.min(PAGE, REACH - this.start),
      Start: this.start,
      ...this.narrow.parameters,
    };
    if (this.indexed) return ["SearchImageByName", { ...common, ...this.indexed }];
    this.content ??= await base64(this.picture.blob);
    return [
      "SearchImageByPic",
      {
        ...common,
        PicContent: this.content,
        Crop: this.whole ? false : null,
        Region: this.whole ? null : this.region?.join(","),
      },
    ];
  }

  draw(answer, took) {
    const info = answer.PicInfo ?? {};
    const { DocsFound: found = 0, SearchTime: engine } = answer.Head ?? {};
    const rows = answer.Auctions ?? [];
    this.narrow.learn(rows);
    this.drawBox(info);
    this.narrow.draw(info);
    fill(
      this.status,
      h("strong", {}, number(found)),
      found === 1 ? " candidate" : " candidates",
      h("span", { class: "faint" }, ` · ${took} ms here, ${engine ?? "–"} ms in the service`),
    );
    this.status.dataset.ms = took;
    if (!rows.length) {
      fill(
        this.results,
        h(
          "div",
          { class: "empty" },
          h("h2", {}, "Nothing like it"),
          h(
            "p",
            {},
            found
              ? "The score threshold hides everything that was found."
              : "No record passes the category and the filter.",
          ),
        ),
      );
      return;
    }
    fill(
      this.results,
      h(
        "ol",
        { class: "cards", start: this.start + 1 },
        rows.map((row, at) =>
          card(row, this.start + at + 1, {
            like: (of) => this.like(of),
            changed: () => this.run(),
            query: this.picture,
            info,
          }),
        ),
      ),
      pager(found, this.start, (start) => this.turn(start)),
    );
  }

  async turn(start) {
    this.start = start;
    this.status.scrollIntoView({ block: "start" });
    await this.run();
    // there is no next page
    if (document.activeElement === document.body)
      this.results.querySelector(".pager [aria-current]")?.focus({ preventScroll: true });
  }

  drawQuery() {
    this.box = null;
    if (!state.current) {
      fill(this.query);
      return;
    }
    if (this.indexed) {
      fill(
        this.query,
        h(
          "div",
          { class: "indexed" },
          h("small", { class: "faint" }, "Like the indexed picture"),
          said(this.indexed.ProductId, { class: "said strong" }),
          said(this.indexed.PicName),
        ),
        h(
          "div",
          { class: "actions" },
          button("Another picture", () => this.reset()),
        ),
      );
      return;
    }
    if (!this.picture) {
      fill(
        this.query,
        dropZone((file) => this.open(file)),
        byName((row) => this.like(row)),
      );
      return;
    }
    const tools = [
      this.subjects()
        ? h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              checked: this.whole,
              onchange: (event) => {
                this.whole = event.target.checked;
                this.region = null;
                this.again();
              },
            }),
            "Whole picture",
          )
        : null,
      h(
        "div",
        { class: "actions" },
        button("Add it", async () => {
          if (
            await addDialog(this.picture, {
              region: this.whole ? null : this.region,
              whole: this.whole,
            })
          )
            this.run();
        }),
        button("Another picture", () => this.reset()),
      ),
    ];
    if (this.picture.url) {
      this.box = new SubjectBox({
        ...this.picture,
        alt: "The picture searched with",
        onchange: (region) => {
          this.region = region;
          this.whole = false;
          this.again();
        },
      });
    }
    this.subjectNote = h("p", { class: "hint" });
    fill(
      this.query,
      this.box?.node ??
        h(
          "p",
          { class: "note" },
          "This browser cannot show the picture; the service may still read it.",
        ),
      this.subjectNote,
      tools,
    );
  }

  subjects() {
    return current()?.Type !== "fabric";
  }

  drawBox(info) {
    if (!this.box || !this.picture) return;
    const used = parsed(info.Region);
    const covered = !used || !this.subjects() || this.whole;
    this.box.settle(covered ? null : used);
    const others = covered
      ? []
      : (info.MultiRegion ?? [])
          .map(({ Region }) => parsed(Region))
          .filter((region) => region && region.join() !== used.join());
    this.box.offer(others, (region) => {
      this.region = region;
      this.again();
    });
    fill(
      this.subjectNote,
      covered
        ? "The whole picture is compared."
        : `Subject ${used[1] - used[0]} × ${used[3] - used[2]} px. ` +
            "Drag the box or its corners to search again.",
      others.length
        ? ` ${others.length} other ${others.length === 1 ? "subject" : "subjects"} outlined.`
        : "",
    );
  }

  reset() {
    this.abort?.abort();
    this.ask({});
    this.narrow.draw(null);
    this.status.textContent = "";
    fill(this.results, welcome());
  }
}

// Imports: a folder of this computer, picture by picture from the browser, or a bucket that the service reads itself.

import { call, manage } from "./api.js";
import { busy, button, download, field, fill, h, link, number, problem, said, toast, when } from "./dom.js";
import { planned, walked } from "./folder.js";
import { base64, opened } from "./picture.js";
import { changed, current, state } from "./state.js";

const SIDE_BY_SIDE = 3;
const POLL_MS = 1000;

export function importsView() {
  const local = folderImport();
  const jobs = bucketImport();
  const into = h("p", { class: "lead" });
  const draw = () => fill(into, current() ? ["Into ", said(current().Name), ". Choose another collection at the top."] : "Create a collection first.");
  draw();
  const forget = changed(() => { draw(); jobs.load(); });
  return {
    node: h("div", { class: "page" }, h("div", { class: "head" }, h("h1", {}, "Imports")), into, local.node, jobs.node),
    stop() { forget(); local.stop(); jobs.stop(); },
  };
}

function folderImport() {
  let run = null;
  const input = h("input", { type: "file", class: "visually-hidden", multiple: true, webkitdirectory: true, tabindex: "-1", "aria-label": "Folder to import" });
  const body = h("div", {});
  const start = async (files) => {
    if (!current()) { toast("Create a collection first.", "bad"); return; }
    const plan = await planned(files);
    if (!plan.items.length && !plan.errors.length) { toast("That folder holds no picture.", "bad"); return; }
    preview(plan);
  };
  input.addEventListener("change", () => { start([...input.files]); input.value = ""; });
  const zone = h("div", { class: "drop compact" }, h("p", { class: "drop-title" }, "Drop a folder here"),
    h("p", { class: "hint" }, "With an increment.meta it says what goes in; without one the product is the sub-folder or the file's name."),
    h("div", { class: "actions" }, button("Choose a folder", () => input.click(), { class: "button primary" })), input);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => { event.preventDefault(); event.stopPropagation(); zone.classList.remove("over"); start(await walked(event.dataTransfer)); });

  const preview = (plan) => fill(body, h("div", { class: "panel" },
    h("h3", {}, `${number(plan.items.length)} ${plan.meta ? "lines of increment.meta" : "pictures"}`),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "First entries" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Product"), h("th", { scope: "col" }, "Picture"))),
      h("tbody", {}, plan.items.slice(0, 5).map(({ fields }) => h("tr", {}, h("td", {}, said(fields.ProductId)), h("td", {}, said(fields.PicName ?? "all of them"))))))),
    h("div", { class: "actions" }, button("Not now", () => fill(body)), button(`Import into ${state.current}`, () => work(plan), { class: "button primary" }))));

  const work = async (plan) => {
    run = new Run(plan, state.current);
    fill(body, run.node);
    await run.work();
  };
  return { node: h("section", {}, h("h2", {}, "From this computer"), zone, body), stop() { run?.stop(); } };
}

class Run {
  constructor(plan, collection) {
    Object.assign(this, { queue: [...plan.items], total: plan.items.length + plan.errors.length, done: 0, added: 0, collection, errors: [], stopped: false, began: performance.now() });
    this.bar = h("progress", { max: String(this.total || 1), value: 0, "aria-label": "Import progress" });
    this.line = h("p", { class: "num", role: "status", "aria-live": "off" });
    this.table = h("tbody", {});
    this.halt = button("Stop", () => this.stop());
    this.save = button("Download the errors", () => download("errors.jsonl", this.errors.map((error) => `${JSON.stringify(error)}\n`).join(""), "application/x-ndjson"), { hidden: true });
    this.list = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Errors", hidden: true }, h("table", {}, h("thead", {}, h("tr", {}, ["Entry", "Code", "Reason"].map((text) => h("th", { scope: "col" }, text)))), this.table));
    this.heading = h("h3", {}, "Importing");
    this.node = h("div", { class: "panel import" }, this.heading, this.bar, this.line, h("div", { class: "actions" }, this.halt, this.save), this.list);
    plan.errors.forEach((error) => this.failed(error.entry, error.code, error.message));
  }

  stop() { this.stopped = true; }

  // Entries of one key keep their order: each key's chain runs on one worker.
  async work() {
    const lanes = Array.from({ length: SIDE_BY_SIDE }, () => []);
    for (const item of this.queue) lanes[spread(item.fields.ProductId) % SIDE_BY_SIDE].push(item);
    this.tick();
    await Promise.all(lanes.map(async (lane) => { for (const item of lane) { if (this.stopped) return; await this.one(item); } }));
    this.halt.hidden = true;
    this.heading.textContent = this.stopped ? "Stopped" : "Finished";
    this.line.setAttribute("aria-live", "polite");
    this.tick();
  }

  async one({ entry, operation, fields, file }) {
    try {
      if (operation === "DELETE") await call("DeleteImage", { InstanceName: this.collection, ProductId: fields.ProductId, PicName: fields.PicName });
      else {
        const { blob } = await opened(file);
        await call("AddImage", { InstanceName: this.collection, ...fields, PicContent: await base64(blob) });
      }
      this.added += 1;
      this.done += 1;
      this.tick();
    } catch (error) {
      this.failed(entry, error.code || "Failed", error.message);
    }
  }

  failed(entry, code, message) {
    this.errors.push({ entry, code, message });
    this.done += 1;
    this.list.hidden = this.save.hidden = false;
    if (this.errors.length <= 500) this.table.append(h("tr", {}, h("td", {}, said(entry)), h("td", {}, h("code", {}, said(code))), h("td", {}, said(message))));
    this.tick();
  }

  tick() {
    const seconds = (performance.now() - this.began) / 1000;
    const rate = this.done / Math.max(seconds, 0.001);
    const left = this.total - this.done;
    this.bar.value = this.done;
    fill(this.line, `${number(this.added)} done, ${number(this.errors.length)} failed, of ${number(this.total)}`,
      h("span", { class: "faint" }, ` · ${rate.toFixed(1)} per second${left ? ` · ${lasting(left / Math.max(rate, 0.01))} left` : ` · took ${lasting(seconds)}`}`));
  }
}

function bucketImport() {
  const list = h("div", {});
  let timer = null;
  let stopped = false;
  const bucket = h("input", { name: "BucketName", type: "text", required: true, autocomplete: "off", spellcheck: "false" });
  const path = h("input", { name: "Path", type: "text", required: true, value: "/", autocomplete: "off", spellcheck: "false" });
  const load = async () => {
    clearTimeout(timer);
    if (stopped || !state.current) return;
    try {
      const { Data } = await call("IncreaseList", { InstanceName: state.current, PageSize: 20 });
      const rows = Data.Increments?.Instance ?? [];
      const live = await Promise.all(rows.map((row) => (row.Status === "PROCESSING" ? manage("ImportProgress", { InstanceName: state.current, Id: row.Id }).catch(() => null) : null)));
      if (stopped) return;
      fill(list, rows.length ? h("ul", { class: "rows jobs" }, rows.map((row, at) => job(row, live[at]))) : h("p", { class: "hint" }, "No import yet."));
      if (rows.some(({ Status }) => Status === "PROCESSING")) timer = setTimeout(load, POLL_MS);
    } catch (error) {
      fill(list, problem(error));
    }
  };
  const form = h("form", { class: "line", onsubmit: async (event) => {
    event.preventDefault();
    if (await busy(event.submitter, () => call("IncreaseInstance", { InstanceName: state.current, BucketName: bucket.value.trim(), Path: path.value.trim() }))) load();
  } }, field("Bucket", bucket), field("Folder", path, "Holds increment.meta; begins with /"), h("button", { class: "button" }, "Start"));
  load();
  return { node: h("section", {}, h("h2", {}, "From a bucket"), form, list), load, stop() { stopped = true; clearTimeout(timer); } };
}

function job(row, live) {
  const errors = h("div", {});
  return h("li", { class: "job" },
    h("div", { class: "job-head" }, h("span", { class: `tag ${row.Status.toLowerCase()}` }, row.Status), said(`${row.BucketName}${row.Path}`), h("span", { class: "faint" }, when(row.UtcCreate))),
    live ? h("div", {}, h("progress", { max: String(live.Total || 1), value: live.Done, "aria-label": "Import progress" }),
      h("p", { class: "num" }, `${number(live.Done)} of ${number(live.Total)}, ${number(live.Failed)} failed`, h("span", { class: "faint" }, ` · ${live.PerSecond.toFixed(1)} per second${live.EtaSeconds === null ? "" : ` · ${lasting(live.EtaSeconds)} left`}`))) : null,
    row.Msg && row.Msg !== "success" ? h("p", {}, said(row.Msg)) : null,
    row.ErrorUrl ? h("div", { class: "actions" }, button("Show the errors", (event) => show(errors, row, event.currentTarget)), link(row.ErrorUrl, "Download them", "errors.jsonl")) : null, errors);
}

async function show(into, row, control) {
  const rows = await busy(control, async () => (await manage("ImportErrors", { InstanceName: state.current, Id: row.Id })).Errors);
  if (!rows) return;
  fill(into, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Errors" }, h("table", {}, h("thead", {}, h("tr", {}, ["Line", "Code", "Reason", "Input"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map(({ Line, Code, Message, Input }) => h("tr", {}, h("td", { class: "num" }, String(Line)), h("td", {}, h("code", {}, said(Code))), h("td", {}, said(Message)), h("td", {}, said(Input))))))));
}

function lasting(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 90 ? `${whole} s` : whole < 5400 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}

function spread(text) {
  let value = 0;
  for (const char of String(text)) value = (value * 31 + char.codePointAt(0)) >>> 0;
  return value;
}

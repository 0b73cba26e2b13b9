// A folder of this computer goes in picture by picture, from the browser: that works on any
// deployment, without a bucket.

import { call, keyId } from "./api.js";
import { button, download, fill, h, lasting, number, said, table, toast } from "./dom.js";
import { folderZone, planned } from "./folder.js";
import { base64, fitted } from "./picture.js";
import { current, state } from "./state.js";

const SIDE_BY_SIDE = 3;
const SHOWN = 500; // errors; the download has them all

let run = null; // goes on while other views are looked at

export function folderImport() {
  if (run?.key !== keyId()) run = null; // somebody else's
  const body = h("div", {}, run?.node);
  const start = async (files) => {
    if (!current()) {
      toast("Create a collection first.", "bad");
      return;
    }
    const plan = await planned(files);
    if (!plan.items.length && !plan.errors.length) {
      toast("That folder holds no picture.", "bad");
      return;
    }
    preview(plan);
  };
  const zone = folderZone(start, {
    title: "Drop a folder here",
    label: "Folder to import",
    hint:
      "With an increment.meta it says what goes in; " +
      "without one the product is the sub-folder or the file's name.",
  });

  const preview = (plan) =>
    fill(
      body,
      h(
        "div",
        { class: "panel" },
        h(
          "h3",
          {},
          `${number(plan.items.length)} ${plan.meta ? "lines of increment.meta" : "pictures"}`,
        ),
        table(
          "First entries",
          ["Product", "Picture"],
          plan.items
            .slice(0, 5)
            .map(({ fields }) => [
              said(fields.ProductId),
              fields.PicName === undefined ? "all of them" : said(fields.PicName),
            ]),
        ).node,
        h(
          "div",
          { class: "actions" },
          button("Not now", () => fill(body)),
          button(`Import into ${state.current}`, () => work(plan), { class: "button primary" }),
        ),
      ),
    );

  const work = (plan) => {
    run?.stop();
    run = new Run(plan, state.current);
    fill(body, run.node);
    run.work();
  };
  return h("section", {}, h("h2", {}, "From this computer"), zone, body);
}

class Run {
  constructor(plan, collection) {
    Object.assign(this, {
      queue: [...plan.items],
      total: plan.items.length + plan.errors.length,
      done: 0,
      added: 0,
      collection,
      errors: [],
      stopped: false,
      key: keyId(),
      began: performance.now(),
    });
    this.bar = h("progress", {
      max: String(this.total || 1),
      value: 0,
      "aria-label": "Import progress",
    });
    this.line = h("p", { class: "num", role: "status", "aria-live": "off" });
    this.halt = button("Stop", () => this.stop());
    this.save = button(
      "Download the errors",
      () =>
        download(
          "errors.jsonl",
          this.errors.map((error) => `${JSON.stringify(error)}\n`).join(""),
          "application/x-ndjson",
        ),
      { hidden: true },
    );
    this.table = table("Errors", ["Entry", "Code", "Reason"], [], { class: "stack" });
    this.table.node.hidden = true;
    this.heading = h("h3", {}, "Importing");
    this.node = h(
      "div",
      { class: "panel import" },
      this.heading,
      this.bar,
      this.line,
      h("div", { class: "actions" }, this.halt, this.save),
      this.table.node,
    );
    plan.errors.forEach((error) => this.failed(error.entry, error.code, error.message));
  }

  stop() {
    this.stopped = true;
  }

  // Entries of one key keep their order: each key's chain runs on one worker.
  async work() {
    const lanes = Array.from({ length: SIDE_BY_SIDE }, () => []);
    for (const item of this.queue) lanes[spread(item.fields.ProductId) % SIDE_BY_SIDE].push(item);
    this.tick();
    await Promise.all(
      lanes.map(async (lane) => {
        for (const item of lane) {
          if (this.stopped || keyId() !== this.key) return;
          await this.one(item);
        }
      }),
    );
    this.halt.hidden = true;
    this.heading.textContent = this.done < this.total ? "Stopped" : "Finished";
    this.line.setAttribute("aria-live", "polite");
    this.tick();
  }

  async one({ entry, operation, fields, file }) {
    try {
      if (operation === "DELETE")
        await call("DeleteImage", {
          InstanceName: this.collection,
          ProductId: fields.ProductId,
          PicName: fields.PicName,
        });
      else {
        const { blob } = await fitted(file);
        await call("AddImage", {
          InstanceName: this.collection,
          ...fields,
          PicContent: await base64(blob),
        });
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
    this.table.node.hidden = this.save.hidden = false;
    if (this.errors.length <= SHOWN)
      this.table.add([said(entry), h("code", {}, said(code)), said(message)]);
    this.tick();
  }

  tick() {
    const seconds = (performance.now() - this.began) / 1000;
    const rate = this.done / Math.max(seconds, 0.001);
    const left = this.total - this.done;
    this.bar.value = this.done;
    fill(
      this.line,
      `${number(this.added)} done, ${number(this.errors.length)} failed, of ${number(this.total)}`,
      h(
        "span",
        { class: "faint" },
        ` · ${rate.toFixed(1)} per second`,
        left ? ` · ${lasting(left / Math.max(rate, 0.01))} left` : ` · took ${lasting(seconds)}`,
      ),
    );
  }
}

function spread(text) {
  let value = 0;
  for (const char of String(text)) value = (value * 31 + char.codePointAt(0)) >>> 0;
  return value;
}

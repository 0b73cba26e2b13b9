// The subject box on the query: moved and resized by pointer or keys. Coordinates are pixels of the
// picture: [x1, x2, y1, y2].

import { h } from "./dom.js";

const LEAST = 32; // pixels of the picture; smaller boxes say nothing
const TALLEST = 24; // rem
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

export class SubjectBox {
  constructor({ url, width, height, alt, onchange }) {
    Object.assign(this, { width, height, onchange, region: null, held: false });
    this.handles = HANDLES.map((side) => h("span", { class: `handle ${side}`, "data-side": side }));
    this.box = h(
      "div",
      {
        class: "box",
        tabindex: "0",
        role: "group",
        hidden: true,
        "aria-label": "Subject box. Arrow keys move it, with Shift they resize it.",
      },
      this.handles,
    );
    this.others = h("div", { class: "others" });
    this.node = h(
      "div",
      { class: "stage" },
      h("img", { src: url, alt, width, height, draggable: "false" }),
      this.others,
      this.box,
    );
    // known before the picture is drawn: nothing jumps
    this.node.style.width = `min(100%, ${width}px, ${(TALLEST * width) / height}rem)`;
    this.box.addEventListener("pointerdown", (event) => this.grab(event));
    this.box.addEventListener("keydown", (event) => this.nudge(event));
  }

  // What the service answered; not while the box is being moved, or the answer would pull it out of
  // the hand.
  settle(region) {
    if (!this.held) this.show(region);
  }

  show(region) {
    this.region = region;
    this.box.hidden = region === null;
    if (region) place(this.box, region, this);
  }

  // The other subjects, each one click away.
  offer(regions, choose) {
    this.others.replaceChildren(
      ...regions.map((region, at) => {
        const node = h("button", {
          type: "button",
          class: "other",
          "aria-label": `Search with subject ${at + 2}`,
          title: "Search with this subject",
          onclick: () => choose(region),
        });
        place(node, region, this);
        return node;
      }),
    );
  }

  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    this.box.setPointerCapture(event.pointerId);
    this.held = true;
    const side = event.target.dataset.side ?? "";
    const from = [event.clientX, event.clientY];
    const start = [...this.region];
    const frame = this.node.getBoundingClientRect();
    const scale = this.width / frame.width;
    const move = (at) =>
      this.show(
        this.dragged(start, side, (at.clientX - from[0]) * scale, (at.clientY - from[1]) * scale),
      );
    const drop = () => {
      this.box.removeEventListener("pointermove", move);
      this.box.removeEventListener("pointerup", drop);
      this.box.removeEventListener("pointercancel", drop);
      this.held = false;
      if (this.region.join() !== start.join()) this.onchange(this.region);
    };
    this.box.addEventListener("pointermove", move);
    this.box.addEventListener("pointerup", drop);
    this.box.addEventListener("pointercancel", drop);
  }

  dragged([x1, x2, y1, y2], side, dx, dy) {
    if (!side) {
      const x = clamp(x1 + dx, 0, this.width - (x2 - x1));
      const y = clamp(y1 + dy, 0, this.height - (y2 - y1));
      return [x, x + x2 - x1, y, y + y2 - y1].map(Math.round);
    }
    const least = Math.min(LEAST, this.width, this.height);
    if (side.includes("w")) x1 = clamp(x1 + dx, 0, x2 - least);
    if (side.includes("e")) x2 = clamp(x2 + dx, x1 + least, this.width);
    if (side.includes("n")) y1 = clamp(y1 + dy, 0, y2 - least);
    if (side.includes("s")) y2 = clamp(y2 + dy, y1 + least, this.height);
    return [x1, x2, y1, y2].map(Math.round);
  }

  nudge(event) {
    const step = Math.max(1, Math.round(Math.max(this.width, this.height) / 50));
    const moves = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.held = true;
    this.show(this.dragged(this.region, event.shiftKey ? "se" : "", ...move));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.held = false;
      this.onchange(this.region);
    }, 350);
  }
}

function place(node, [x1, x2, y1, y2], { width, height }) {
  node.style.left = `${(100 * x1) / width}%`;
  node.style.top = `${(100 * y1) / height}%`;
  node.style.width = `${(100 * (x2 - x1)) / width}%`;
  node.style.height = `${(100 * (y2 - y1)) / height}%`;
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));

// A region of an answer as numbers, or null.
export function parsed(text) {
  const numbers = String(text ?? "")
    .split(",")
    .map(Number);
  return numbers.length === 4 && numbers.every(Number.isInteger) ? numbers : null;
}

// Two pictures side by side and how alike they are.

import { call } from "./api.js";
import { button, dialog, fill, h, problem, said } from "./dom.js";
import { base64, dropZone, opened, pasted } from "./picture.js";
import { current, pictureUrl, state } from "./state.js";
import { meter, thumb } from "./thumb.js";
import { sortValues } from "./words.js";

// The query and a result, as the search compared them.
export function compareDialog({ query, row }) {
  const { relevance, hamming } = sortValues(row.SortExprValues);
  return dialog(
    "Side by side",
    () => [
      h(
        "div",
        { class: "pair" },
        h(
          "figure",
          {},
          h("img", { src: query.url ?? "", alt: "The picture searched with" }),
          h("figcaption", {}, "Query"),
        ),
        h(
          "figure",
          {},
          thumb(row, { loading: "eager" }),
          h("figcaption", {}, said(row.ProductId), " / ", said(row.PicName)),
        ),
      ),
      gauge(Number(row.Score ?? 0)),
      h("p", { class: "facts" }, `Relevance ${relevance} · Hamming ${hamming}`),
      pictureUrl(row)
        ? null
        : h(
            "p",
            { class: "hint" },
            "Pictures are not stored. Give the collection a picture URL to see them here.",
          ),
    ],
    { class: "wide" },
  );
}

export function compareView() {
  const pictures = [null, null];
  const answer = h("div", { class: "answer", role: "status", "aria-live": "polite" });
  const panes = [0, 1].map((at) => h("div", { class: "pane" }));
  const draw = (at) =>
    fill(
      panes[at],
      pictures[at]
        ? [
            h("img", { src: pictures[at].url ?? "", alt: at ? "Second picture" : "First picture" }),
            button("Another picture", () => {
              release(pictures[at]);
              pictures[at] = null;
              draw(at);
              fill(answer);
            }),
          ]
        : dropZone((file) => take(at, file), { label: at ? "Second picture" : "First picture" }),
    );
  const release = (picture) => {
    if (picture?.url) URL.revokeObjectURL(picture.url);
  };
  const take = async (at, file) => {
    release(pictures[at]);
    pictures[at] = await opened(file);
    draw(at);
    compare();
  };
  const onpaste = (event) => {
    const file = pasted(event);
    if (file) {
      event.preventDefault();
      take(pictures[0] ? 1 : 0, file);
    }
  };
  document.addEventListener("paste", onpaste);
  const compare = async () => {
    if (!pictures[0] || !pictures[1]) return;
    fill(answer, h("p", { class: "faint" }, "Comparing…"));
    try {
      const [PrimaryPicContent, SecondaryPicContent] = await Promise.all(
        pictures.map(({ blob }) => base64(blob)),
      );
      const { Score } = await call("CompareSimilarByImage", {
        InstanceName: state.current,
        PrimaryPicContent,
        SecondaryPicContent,
      });
      fill(
        answer,
        gauge(Number(Score)),
        h(
          "p",
          { class: "faint" },
          "By the kind of search of ",
          said(current().Name),
          ". Nothing was stored.",
        ),
      );
    } catch (error) {
      fill(answer, problem(error));
    }
  };
  draw(0);
  draw(1);
  return {
    node: h(
      "div",
      { class: "page" },
      h("h1", {}, "Compare two pictures"),
      h("div", { class: "pair" }, panes),
      answer,
    ),
    stop() {
      document.removeEventListener("paste", onpaste);
      pictures.forEach(release);
    },
  };
}

function gauge(score) {
  return h(
    "div",
    { class: "gauge" },
    h("span", { class: "num big" }, score.toFixed(3)),
    meter(score, { role: "img", "aria-label": `Score ${score.toFixed(3)} of 1` }),
  );
}

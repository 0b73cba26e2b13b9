// Measures of retrieval over ranked answers; the same definitions as `lookalike quality`.

// labels.csv: path, split, label, category, instance. Quoted fields may hold commas, quotes
// and line ends.
export function rowsOf(text) {
  const cells = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    const line = cells.at(-1);
    if (quoted) {
      if (char !== '"') line[line.length - 1] += char;
      else if (text[at + 1] === '"') {
        line[line.length - 1] += char;
        at += 1;
      } else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === ",") line.push("");
    else if (char === "\n") cells.push([""]);
    else if (char !== "\r") line[line.length - 1] += char;
  }
  const [head, ...rest] = cells.filter((line) => line.length > 1 || line[0] !== "");
  return rest.map((line) =>
    Object.fromEntries(head.map((name, at) => [name.trim(), line[at] ?? ""])),
  );
}

// ranked: whether each answer is right, best first; relevant: how many right ones the gallery
// holds.
export function averagePrecision(ranked, relevant) {
  let right = 0;
  let sum = 0;
  ranked.forEach((hit, at) => {
    if (hit) {
      right += 1;
      sum += right / (at + 1);
    }
  });
  return relevant ? sum / relevant : 0;
}

export function summary(queries) {
  const mean = (of) =>
    queries.length ? queries.reduce((sum, query) => sum + of(query), 0) / queries.length : 0;
  return {
    queries: queries.length,
    r1: mean(({ ranked }) => Number(Boolean(ranked[0]))),
    r5: mean(({ ranked }) => Number(ranked.slice(0, 5).some(Boolean))),
    map: mean(({ ranked, relevant }) => averagePrecision(ranked, relevant)),
  };
}

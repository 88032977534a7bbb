// What the page shows of a model and of an answer. All text goes in as text, never as HTML.

const SPACE = "\u00a0"; // does not break, between a number and its unit
const KNOWN = 40; // labels listed before the first answer

export const element = (id) => document.getElementById(id);

/** Show what is served: the `card` of model.json. */
export function showCard(card, pick) {
  const { model, input, labels, figures } = card;
  document.title = `${model.name} – Edgewise`;
  element("name").textContent = model.name;
  element("facts").textContent =
    `${labels.length} labels from ${input.width} × ${input.height} ${input.colour === "GREY" ? "grey" : "colour"} pixels, ` +
    `${card.precision}, in ${card.runtime}`;
  const more = labels.length > KNOWN ? `, and ${labels.length - KNOWN} more` : "";
  element("known").textContent = `It tells apart ${labels.slice(0, KNOWN).join(", ")}${more}.`;
  element("key-form").hidden = !card.key_needed;
  element("metrics").textContent = card.key_needed ? "Metrics (API key)" : "Metrics";
  element("command").textContent = command(card);
  element("examples-title").hidden = card.examples.length === 0;
  element("examples").replaceChildren(...card.examples.map((path, index) => example(path, index, pick)));
  element("figures").replaceChildren(...(figures ? proven(figures) : []), ...made(card));
  element("unproven").hidden = figures !== null;
}

/** Show an answer of /predict that took `milliseconds` from here and back. */
export function showAnswer(answer, milliseconds) {
  showProblem("");
  const verdict = [make("span", "", answer.label), " ", make("span", "muted", percent(answer.confidence))];
  element("verdict").replaceChildren(...verdict);
  element("scores").replaceChildren(...answer.scores.map(scoreRow));
  showTimes(answer.latency_ms, milliseconds);
  element("details").hidden = false;
  element("verdict").scrollIntoView({ block: "nearest" });
}

/** Show the sentence `problem` in place of an answer; with "" nothing is wrong. */
export function showProblem(problem) {
  element("problem").textContent = problem;
  element("waiting").hidden = true;
  element("details").hidden = true;
  element("verdict").replaceChildren();
  if (problem) element("problem").scrollIntoView({ block: "nearest" });
}

function showTimes(latency, milliseconds) {
  const { decode, resize, infer, total } = latency;
  const parts = { decode, resize, infer, transport: Math.max(0, milliseconds - total) };
  const whole = Math.max(milliseconds, total);
  const names = { decode: "Decode", resize: "Resize", infer: "Infer", transport: "Network, queue, browser" };
  element("time").replaceChildren(...Object.keys(parts).map((part) => share(part, parts[part] / whole)));
  const rows = Object.keys(parts).map((part) => term(part, names[part], duration(parts[part])));
  element("times").replaceChildren(...rows, term("whole", "Round trip", duration(whole)));
}

function scoreRow({ label, score }) {
  const row = make("li");
  const track = make("div", "track");
  track.ariaHidden = "true";
  track.append(share("bar", score));
  row.append(make("span", "", label), make("span", "number", percent(score)), track);
  return row;
}

function example(path, index, pick) {
  const button = make("button");
  button.type = "button";
  button.ariaLabel = `Example ${index + 1}`;
  const image = make("img");
  image.src = `.${path}`;
  image.alt = "";
  image.draggable = false; // or it could be dropped on the page as a link to itself
  button.append(image);
  button.addEventListener("click", () => pick(path, button));
  const item = make("li");
  item.append(button);
  return item;
}

function proven({ top1, top1_interval: [low, high], drop, agreement, samples }) {
  const points = (100 * Math.abs(drop)).toFixed(2);
  return [
    term("large", "Top-1", percent(top1, 2), `${(100 * low).toFixed(1)}–${percent(high)} at 95\u202f% confidence, ` +
      `${samples.toLocaleString("en")} blind-test pictures`),
    term("large", drop < 0 ? "Gained on float" : "Lost against float", `${points}`, "points of top-1, same pictures"),
    term("large", "Agreement", percent(agreement, 2), "same label as the reference kernels"),
  ];
}

const made = (card) => [
  term("large", "File", `${(card.bytes / 1024).toFixed(1)}${SPACE}KiB`, card.file),
  term("", "Precision", card.precision),
  term("", "Runtime", card.runtime),
  term("", "Warm inference", duration(card.infer_ms)),
  ...(card.temperature === 1 ? [] : [
    term("", "Temperature", card.temperature.toFixed(2), "so that a score is the chance to be right"),
  ]),
  term("", "Version", card.model.version),
];

function command(card) {
  const key = card.key_needed ? ' -H "X-API-Key: $KEY"' : "";
  return `curl -F image=@picture.jpg${key} ${new URL("predict", location.href)}`;
}

/** A term with what it is, for a <dl>; `remark` stands below it. */
function term(kind, name, value, remark) {
  const group = make("div", kind);
  group.append(make("dt", "", name), make("dd", "", value));
  if (remark) group.append(make("dd", "muted", remark));
  return group;
}

function share(kind, part) {
  const bar = make("span", kind);
  bar.style.setProperty("--share", part);
  return bar;
}

function make(tag, kind = "", text = "") {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

function percent(share, digits = 1) {
  const text = (100 * share).toFixed(digits);
  return `${share > 0 && Number(text) === 0 ? `<${10 ** -digits}` : text}\u202f%`;
}

const duration = (ms) => `${ms.toFixed(ms < 0.1 ? 3 : ms < 10 ? 2 : 1)}${SPACE}ms`;

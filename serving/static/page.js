// The try-it page: a picture comes in by file, drop, paste, camera or example, and its answer is shown.

import { Failure, classify, readCard, readExample } from "./api.js";
import * as camera from "./camera.js";
import { fit, show } from "./picture.js";
import { element, showAnswer, showCard, showProblem } from "./view.js";

const TOP = 5;
let card;
let last; // the picture shown, to be sent again once a key is entered
let running = new AbortController();

/** Run `work`; whatever fails in it is shown in words. A later call ends an earlier one. */
async function attempt(work) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  element("answer").ariaBusy = "true";
  element("note").textContent = "";
  try {
    card ??= await load();
    await work(signal);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Failure)) throw error;
    showProblem(error.message);
  } finally {
    if (!signal.aborted) element("answer").ariaBusy = "false";
  }
}

async function load() {
  const found = await readCard();
  showCard(found, useExample);
  return found;
}

function useFile(picture, others = 0) {
  mark(null);
  const note = others ? `One picture at a time: this is the answer for the first of ${others + 1}.` : "";
  return attempt((signal) => send(picture, note, signal));
}

function useExample(path, button) {
  mark(button);
  return attempt(async (signal) => send(await readExample(path), "", signal));
}

function useStill() {
  mark(null);
  return attempt(async (signal) => send(await camera.still(element("video")), "", signal));
}

async function send(picture, note, signal) {
  signal.throwIfAborted();
  closeCamera();
  last = picture;
  const preview = element("preview");
  const readable = await show(preview, picture);
  signal.throwIfAborted();
  preview.hidden = !readable;
  element("hint").hidden = readable;
  const fitting = await fit(picture, preview, readable, card.limits);
  element("note").textContent = fitting === picture ? note
    : `${note} Scaled down by your browser before sending: the original is beyond what the server takes.`.trim();
  const { answer, milliseconds } = await classify(
    fitting, Math.min(TOP, card.labels.length), element("key").value.trim(), signal);
  showAnswer(answer, milliseconds);
  if (answer.model.version !== card.model.version) card = await load(); // the server has reloaded meanwhile
}

function mark(button) {
  for (const each of element("examples").querySelectorAll("button")) each.ariaPressed = String(each === button);
}

const openCamera = () => attempt(async (signal) => {
  await camera.open(element("video"));
  if (signal.aborted) return camera.close(element("video")); // another picture came while permission was asked
  showCamera(true);
  element("shoot").focus();
});

function closeCamera() {
  if (element("video").hidden) return;
  camera.close(element("video"));
  const inside = [element("shoot"), element("close")].includes(document.activeElement);
  showCamera(false);
  if (inside) element("camera").focus();
}

function showCamera(open) {
  for (const id of ["video", "shoot", "close"]) element(id).hidden = !open;
  for (const id of ["choose", "camera"]) element(id).hidden = open;
  element("stage").classList.toggle("live", open);
}

function take(files, source) {
  if (files.length) useFile(files[0], files.length - 1);
  else attempt(() => { throw new Failure(`${source} holds no picture file. Save the picture first, then choose it.`); });
}

async function copyCommand() {
  const command = element("command");
  getSelection().selectAllChildren(command);
  try {
    await navigator.clipboard.writeText(command.textContent);
    element("copied").textContent = "Copied.";
  } catch { // no clipboard but on https and localhost
    element("copied").textContent = "Selected: press Ctrl+C or ⌘C to copy.";
  }
}

function listen() {
  const file = element("file");
  element("choose").addEventListener("click", () => file.click());
  element("stage").addEventListener("click", () => { if (element("video").hidden) file.click(); });
  file.addEventListener("change", () => {
    if (file.files.length) useFile(file.files[0]);
    file.value = ""; // so that the same file can be chosen again
  });
  element("camera").addEventListener("click", openCamera);
  element("shoot").addEventListener("click", useStill);
  element("close").addEventListener("click", closeCamera);
  element("copy").addEventListener("click", copyCommand);
  element("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (last) attempt((signal) => send(last, "", signal));
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") closeCamera(); });
  addEventListener("pagehide", closeCamera);
  addEventListener("paste", (event) => {
    if (event.target !== element("key")) take(event.clipboardData.files, "The clipboard");
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    take(event.dataTransfer.files, "What was dropped");
  });
}

listen();
attempt(() => {});

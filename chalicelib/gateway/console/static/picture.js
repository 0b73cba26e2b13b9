// From a chosen, dropped, pasted or taken picture to what a request carries.

import { button, dialog, h, toast } from "./dom.js";

const MOST_BYTES = 4 * 1024 * 1024;
const MOST_SIDE = 4096;
const SHRUNK_SIDE = 2048;

// {blob, width, height, url}: a picture to search with and to look at; the caller revokes the url.
export async function opened(file) {
  const picture = await fitted(file);
  return { ...picture, url: picture.width ? URL.createObjectURL(picture.blob) : null };
}

// {blob, width, height}. The file goes out byte for byte where the service takes it; a larger one
// is drawn smaller first.
export async function fitted(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    // TIFF, PPM: the service may read what this browser cannot
    return { blob: file, width: 0, height: 0 };
  }
  const { width, height } = bitmap;
  const fits = file.size <= MOST_BYTES && Math.max(width, height) < MOST_SIDE;
  const blob = fits ? file : await shrunk(bitmap);
  const scale = fits ? 1 : Math.min(1, SHRUNK_SIDE / Math.max(width, height));
  bitmap.close();
  return { blob, width: Math.round(width * scale), height: Math.round(height * scale) };
}

async function shrunk(bitmap) {
  const scale = Math.min(1, SHRUNK_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(
    Math.round(bitmap.width * scale),
    Math.round(bitmap.height * scale),
  );
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  let blob;
  for (const quality of [0.92, 0.8, 0.6]) {
    blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
    if (blob.size <= MOST_BYTES) break;
  }
  return blob;
}

export async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

// A place to drop, paste or choose a picture. `take(file)` gets it.
export function dropZone(take, { label = "Drop a picture here", compact = false } = {}) {
  const input = h("input", {
    type: "file",
    accept: "image/*,.ppm,.tif,.tiff",
    class: "visually-hidden",
    tabindex: "-1",
    "aria-label": label,
  });
  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
    input.value = "";
  });
  const zone = h(
    "div",
    { class: `drop ${compact ? "compact" : ""}` },
    h("p", { class: "drop-title" }, label),
    compact ? null : h("p", { class: "hint mouse" }, "or paste one with Ctrl V"),
    h(
      "div",
      { class: "actions" },
      button("Choose a picture", () => input.click(), { class: "button primary" }),
      compact ? null : button("Take one", () => camera(take)),
    ),
    input,
  );
  accept(zone, take);
  return zone;
}

export function accept(zone, take) {
  let depth = 0;
  zone.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    zone.classList.add("over");
  });
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) zone.classList.remove("over");
  });
  zone.addEventListener("drop", (event) => {
    depth = 0;
    zone.classList.remove("over");
    if (event.defaultPrevented) return; // a zone inside this one took it
    event.preventDefault();
    const file = [...event.dataTransfer.files][0];
    if (file) take(file);
  });
}

export function pasted(event) {
  return [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
}

async function camera(take) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment" },
      audio: false,
    });
  } catch {
    toast("No camera, or no leave to use it. Choose a file instead.", "bad");
    return;
  }
  const video = h("video", {
    autoplay: true,
    playsinline: true,
    muted: true,
    class: "camera",
    "aria-label": "Camera",
  });
  video.srcObject = stream;
  const shot = await dialog("Take a picture", (close) => [
    video,
    h(
      "div",
      { class: "actions" },
      button(
        "Take it",
        async () => {
          const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
          canvas.getContext("2d").drawImage(video, 0, 0);
          close(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 }));
        },
        { class: "button primary" },
      ),
    ),
  ]);
  stream.getTracks().forEach((track) => track.stop());
  if (shot) take(shot);
}

// Pictures in the browser: shown, and scaled down where the server would not take them.

import { Failure } from "./api.js";

const FORM_BYTES = 1024; // room for what the form puts around a picture
const LONGEST_SIDE = 2048; // pixels; models look at a few hundred
const SHORTEST_SIDE = 16; // pixels; below that nothing is left to recognise
const QUALITY = 0.92; // of JPEG: no visible loss

/** Show `picture`, a Blob, in `image`; whether the browser can. */
export async function show(image, picture) {
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(picture);
  try {
    await image.decode();
  } catch {
    return false;
  }
  image.classList.toggle("pixelated", image.naturalWidth <= 96);
  return true;
}

/**
 * `picture` where it is within the server's `limits`, else a smaller JPEG drawn from `image`, in which it is shown.
 * Throws Failure where it is too large and not `readable` here.
 */
export async function fit(picture, image, readable, limits) {
  const bytes = limits.bytes - FORM_BYTES;
  const { naturalWidth: width, naturalHeight: height } = image;
  if (picture.size <= bytes && (!readable || width * height <= limits.pixels)) return picture;
  if (!readable) {
    throw new Failure(`A file of ${mebibytes(picture.size)} that this browser cannot show as a picture; ` +
      `the server takes ${mebibytes(limits.bytes)}. Choose a JPEG, PNG, WebP or BMP picture.`);
  }
  let scale = Math.min(1, LONGEST_SIDE / Math.max(width, height), Math.sqrt(limits.pixels / (width * height)));
  for (; scale * Math.max(width, height) >= SHORTEST_SIDE; scale /= 2) {
    const smaller = await draw(image, scale * width, scale * height);
    if (smaller.size <= bytes) return smaller;
  }
  throw new Failure(`The server takes ${limits.bytes} bytes, too few for a picture; start it with more --body-bytes.`);
}

/** `source`, an image or a video, as a JPEG of `width` x `height` pixels. */
export function draw(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(2, Math.floor(width));
  canvas.height = Math.max(2, Math.floor(height));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // behind what is transparent, as on the server
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    const done = (blob) => (blob ? resolve(blob) : reject(new Failure("This browser cannot scale the picture down.")));
    canvas.toBlob(done, "image/jpeg", QUALITY);
  });
}

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

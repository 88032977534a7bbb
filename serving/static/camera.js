// The camera: opened on request, closed after one still.

import { Failure } from "./api.js";
import { draw } from "./picture.js";

// Names of DOMException that getUserMedia rejects with (W3C Media Capture and Streams, 10.3).
const REASONS = {
  NotAllowedError: "The camera was refused. Allow it in the browser's settings for this site, or choose a picture.",
  NotFoundError: "No camera was found. Connect one, or choose a picture.",
  NotReadableError: "The camera is in use by another program. Close that one, or choose a picture.",
};

/** Show the camera in `video`. Throws Failure where there is none, or it may not be used. */
export async function open(video) {
  if (!navigator.mediaDevices) {
    throw new Failure(`Browsers give the camera to https and to localhost only, and this page came from ` +
      `${location.origin}. Serve it with --certificate, or choose a picture: phones offer their camera there too.`);
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await video.play();
  } catch (error) {
    close(video);
    throw new Failure(REASONS[error.name] ?? `The camera does not work (${error.name}); choose a picture.`);
  }
}

/** What `video` shows now, as a JPEG. */
export const still = (video) => draw(video, video.videoWidth, video.videoHeight);

export function close(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

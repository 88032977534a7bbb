// What the page asks of the server.

/** What went wrong, as a sentence for the reader. */
export class Failure extends Error {}

/** What is served and how good it was proven to be. */
export const readCard = () => ask("model.json", (response) => response.json());

/** An example as a Blob; `path` is one of the card's. */
export const readExample = (path) => ask(`.${path}`, (response) => response.blob());

/**
 * The answer for `picture`, a Blob, with its `top` best scores, and the milliseconds from question to answer.
 * Throws Failure, or AbortError where `signal` says so.
 */
export async function classify(picture, top, key, signal) {
  if (!/^[!-~]*$/.test(key)) {
    throw new Failure("The API key holds a space or a letter that no key has; enter it again.");
  }
  const form = new FormData();
  form.append("image", picture, "picture"); // the name of the visitor's file is not asked for
  const headers = key ? { "X-API-Key": key } : {};
  const start = performance.now();
  const answer = await ask(`predict?top=${top}`, (response) => response.json(), {
    method: "POST", body: form, headers, signal,
  });
  return { answer, milliseconds: performance.now() - start };
}

async function ask(path, read, options) {
  try {
    const response = await fetch(path, options);
    if (response.ok) return await read(response);
    throw new Failure(await explanation(response));
  } catch (error) {
    if (error instanceof Failure || error.name === "AbortError") throw error;
    throw new Failure("No connection to the server. See whether it is still running, then try again.");
  }
}

async function explanation(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error;
  } catch {
    return `HTTP ${response.status} without an explanation, perhaps from a proxy on the way; try again.`;
  }
}

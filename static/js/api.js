// @ts-check
/** Calls to the server: JSON both ways, or forms to it; bounded in time, problem details as errors. */

import { contained } from "./images.js";

const LONGEST_WAIT = 20_000;

/** The server refused; the message is its problem detail, fit for a person. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} url
 * @param {{method?: string, body?: unknown, signal?: AbortSignal, longest?: number}} [options]  milliseconds to wait
 * @returns {Promise<any>} the answer's JSON, null when it has none
 * @throws {ApiError} when the server refuses; TypeError or DOMException when it cannot be reached
 */
export async function call(url, { method = "GET", body, signal, longest = LONGEST_WAIT } = {}) {
  const timeout = AbortSignal.timeout(longest);
  const response = await fetch(url, {
    method,
    signal: signal ? either(signal, timeout) : timeout,
    headers: body === undefined || body instanceof FormData ? {} : { "Content-Type": "application/json" },
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
  });
  const answer = (response.headers.get("Content-Type") ?? "").includes("json") ? await response.json() : null;
  if (!response.ok) throw new ApiError(response.status, messageOf(answer) || `the server answered ${response.status}`);
  return answer;
}

/** @param {any} problem  RFC 9457 problem details */
function messageOf(problem) {
  return contained([problem?.detail, problem?.title].find((text) => typeof text === "string" && text) ?? "");
}

/**
 * @param {AbortSignal} first
 * @param {AbortSignal} second
 */
function either(first, second) {
  const controller = new AbortController();
  for (const signal of [first, second]) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), { signal: controller.signal });
  }
  return controller.signal;
}

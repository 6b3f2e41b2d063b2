/** The service's HTTP API. Addresses are relative, so that the page also works behind a proxy's path prefix. */

import { parseServerTiming } from "./times.js";
import * as key from "./key.js";

/** An answer that is not what was asked for; `status` is 0 where none came at all. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{code?: string, detail?: string, request_id?: string}} document
   * @param {number | null} retryAfter in seconds
   */
  constructor(status, document, retryAfter = null) {
    super(document.detail ?? "");
    this.status = status;
    this.code = document.code ?? "";
    this.requestId = document.request_id ?? "";
    this.retryAfter = retryAfter;
  }
}

/** @param {string} path @returns {string} */
export const address = (path) => new URL(path, document.baseURI).href;

/** @param {string} model @param {number | null} version null for the one that answers by default */
export const modelPath = (model, version) =>
  `models/${encodeURIComponent(model)}` + (version === null ? "" : `/versions/${version}`);

/** Every model with its versions. */
export const models = async () => (await (await request("models")).json()).models;

/** One version in full. */
export const describe = async (model, version) => (await request(modelPath(model, version))).json();

/** The examples of a version: `index` and `label` of each. */
export const examples = async (model, version) =>
  (await (await request(`${modelPath(model, version)}/examples`)).json()).examples;

/** @returns {Promise<Blob>} */
export const example = async (model, version, index) => (await request(examplePath(model, version, index))).blob();

/** @returns {string} */
export const examplePath = (model, version, index) => `${modelPath(model, version)}/examples/${index}.png`;

/**
 * What a model makes of one picture, with what it saw, and how long that took.
 * @param {string} model @param {number | null} version @param {Blob} picture @param {AbortSignal} signal
 */
export async function predict(model, version, picture, signal) {
  const started = performance.now();
  const path = `${modelPath(model, version)}/predict?seen=1`;
  // The declared type is never looked at; without one an empty file would count as no file.
  const headers = { "Content-Type": "application/octet-stream" };
  const response = await request(path, { method: "POST", body: picture, headers, signal });
  const answer = await response.json();
  const roundTrip = performance.now() - started;
  return { answer, roundTrip, stages: parseServerTiming(response.headers.get("Server-Timing")) };
}

/** @param {string} path @param {RequestInit} options */
async function request(path, options = {}) {
  const headers = { Accept: "application/json, */*;q=0.5", ...options.headers, ...key.header() };
  let response;
  try {
    response = await fetch(address(path), { credentials: "same-origin", ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  if (!response.ok) throw new Problem(response.status, await problemOf(response), seconds(response));
  return response;
}

/** A proxy in front may answer with something else than a problem document. */
async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { detail: response.statusText };
  }
}

function seconds(response) {
  const text = response.headers.get("Retry-After");
  if (text === null) return null;
  const value = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(value) ? Math.max(0, value) : null;
}

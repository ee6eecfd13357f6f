"use strict";
// Asks the host, `rx run`, over HTTP, and waits: Node resolves modules one after the other. Another thread does the talking.

const fs = require("node:fs");
const { Worker, MessageChannel, receiveMessageOnPort } = require("node:worker_threads");

// What the data hooks stand in front of.
const real = fs.rxReal ?? { ...fs };
let channel = null;

// Why something is not to be had, and what to do about it: one line for people.
class Trouble extends Error {
  isTrouble = true;
}

// The root folder of the resource that provides a package. Throws `Trouble`.
function bind(name) {
  const line = get("/v1/modules/node/" + encodeURIComponent(name), "text/plain");
  try {
    // For threads and processes that start later.
    real.appendFileSync(process.env.RX_LOADER_BOUND, line);
  } catch {
    // The table spares requests; without it each module is asked for.
  }
  return line.trimEnd().split("\t")[3];
}

// Has one file of a resource put in its place. Throws `Trouble`.
function fetch(digest, path) {
  get("/v1/files/" + digest + "/" + path.split("/").map(encodeURIComponent).join("/"), "application/json");
}

// Has all files of a folder of a resource put in their places; what is not here of them is fetched together. Throws `Trouble`.
function fetchFolder(digest, folder) {
  get("/v1/folders/" + digest + "/" + folder.split("/").map(encodeURIComponent).join("/"), "application/json");
}

function get(path, accept) {
  const { RX_LOADER: url } = process.env;
  const { status, body, failure } = ask(url + path, accept);
  if (status === 200) return body;
  if (failure) {
    throw new Trouble(`rx: the loader at ${new URL(url).origin} does not answer, the rx run that started this program may have ended: ${failure}`);
  }
  let answer = null;
  try {
    answer = JSON.parse(body);
  } catch {
    // Said by the status.
  }
  if (!answer?.error) throw new Trouble(`rx: status ${status}`);
  throw new Trouble("rx: " + answer.error + (answer.hint ? "; " + answer.hint : ""));
}

function ask(url, accept) {
  channel ??= open();
  const { port, bell } = channel;
  Atomics.store(bell, 0, 0);
  port.postMessage({ url, accept });
  // The other thread may end without an answer, for lack of memory for instance.
  if (Atomics.wait(bell, 0, 0, 3_600_000) === "timed-out") return { failure: "no answer within an hour" };
  return receiveMessageOnPort(port).message;
}

function open() {
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const { port1: port, port2: far } = new MessageChannel();
  const { NODE_OPTIONS: _, ...env } = process.env;
  const worker = new Worker(require("node:path").join(__dirname, "channel.cjs"), {
    workerData: { isRxChannel: true, port: far, bell }, transferList: [far], env, execArgv: [], stdin: false,
  });
  worker.unref();
  port.unref();
  return { port, bell };
}

// What was used without a request, as the view's name and the path in it, for `rx run --record` and `rx routes`. It is written at once, each
// once a thread, so that nothing is lost however the program ends; the host reads it then, up to this size in bytes.
const limit = 32 << 20;
const written = new Set();
// The file, and which one it is: a program may close what it does not know, and open something else under the number.
let notes = { number: -1, dev: 0, ino: 0 };

// False when it was noted before.
function used(path) {
  if (written.has(path)) return false;
  written.add(path);
  try {
    if (openNotes() < limit) real.writeSync(notes.number, path + "\0");
  } catch {
    // The host has ended: nobody reads it any more.
  }
  return true;
}

// The size of the file, which is open then.
function openNotes() {
  try {
    const { dev, ino, size } = real.fstatSync(notes.number);
    if (ino === notes.ino && dev === notes.dev) return size;
  } catch {
    // It was never opened, or closed.
  }
  const number = real.openSync(process.env.RX_LOADER_USES, fs.constants.O_WRONLY | fs.constants.O_APPEND);
  const { dev, ino, size } = real.fstatSync(number);
  notes = { number, dev, ino };
  return size;
}

module.exports = { bind, fetch, fetchFolder, used, real, Trouble };

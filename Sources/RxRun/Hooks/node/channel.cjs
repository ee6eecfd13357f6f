"use strict";
// The thread that talks with the host while the one that asks stands still.

const fs = require("node:fs");
const http = require("node:http");
const { workerData } = require("node:worker_threads");

const { port, bell } = workerData;
let agent = new http.Agent({ keepAlive: true });
// The connection that is kept, and which one it is: a program may close what it does not know, and open something else under the number.
let kept = null;
// What is a program's now: closing it would close that.
const lost = [];

port.on("message", ({ url, accept }) => ask(url, accept, true));

function ask(url, accept, mayRepeat) {
  if (kept && !kept.socket.destroyed && identity(kept.socket) !== kept.identity) lose();
  const request = http.get(url, { agent, headers: { Accept: accept } }, (response) => {
    const parts = [];
    response.on("data", (part) => parts.push(part));
    response.on("end", () => answer({ status: response.statusCode, body: Buffer.concat(parts).toString("utf8") }));
    response.on("error", (error) => answer({ failure: error.message }));
  });
  request.on("socket", (socket) => {
    if (!request.reusedSocket) socket.once("connect", () => (kept = { socket, identity: identity(socket) }));
  });
  request.on("error", (error) => {
    // The host closes what was idle for long.
    if (mayRepeat && request.reusedSocket) ask(url, accept, false);
    else answer({ failure: error.message || error.code });
  });
}

// Null where Node does not tell a connection's number.
function identity(socket) {
  const number = socket._handle?.fd;
  if (!(number >= 0)) return null;
  try {
    const { dev, ino } = fs.fstatSync(number);
    return `${dev}:${ino}`;
  } catch {
    return "closed";
  }
}

function lose() {
  // Node listens to the number, else, also when it is a later connection's.
  kept.socket._handle?.readStop();
  kept.socket.unref();
  lost.push(kept.socket);
  kept = null;
  agent = new http.Agent({ keepAlive: true });
}

function answer(message) {
  port.postMessage(message);
  Atomics.store(bell, 0, 1);
  Atomics.notify(bell, 0);
}

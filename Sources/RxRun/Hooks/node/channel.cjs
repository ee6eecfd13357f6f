"use strict";
// The thread that talks with the host while the one that asks stands still.

const http = require("node:http");
const { workerData } = require("node:worker_threads");

const { port, bell } = workerData;
const agent = new http.Agent({ keepAlive: true });

port.on("message", ({ url, accept }) => ask(url, accept, true));

function ask(url, accept, mayRepeat) {
  const request = http.get(url, { agent, headers: { Accept: accept } }, (response) => {
    const parts = [];
    response.on("data", (part) => parts.push(part));
    response.on("end", () => answer({ status: response.statusCode, body: Buffer.concat(parts).toString("utf8") }));
    response.on("error", (error) => answer({ failure: error.message }));
  });
  request.on("error", (error) => {
    // The host closes what was idle for long.
    if (mayRepeat && request.reusedSocket) ask(url, accept, false);
    else answer({ failure: error.message || error.code });
  });
}

function answer(message) {
  port.postMessage(message);
  Atomics.store(bell, 0, 1);
  Atomics.notify(bell, 0);
}

// Uses 30 packages that are not installed, by import and require, in worker threads and other processes; prints what it got as JSON.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { number as first } from "@lazy/n03";
import two, { words } from "lazy-n04";

const require = createRequire(import.meta.url);
const nameOf = (number) => (number % 2 ? "@lazy/n" : "lazy-n") + String(number).padStart(2, "0");
const numbers = [...Array(30).keys()];

if (isMainThread) {
  const got = { static: [first, two.number, words] };
  const numbersGot = [];
  for (const number of numbers.slice(0, 12)) numbersGot[number] = (await import(nameOf(number))).number;
  for (const number of numbers.slice(12, 20)) {
    if (number % 4 !== 2) numbersGot[number] = require(nameOf(number)).number;
    else numbersGot[number] = (await import(nameOf(number))).number;
  }
  const inThread = (list) => new Promise((resolve, reject) => {
    new Worker(fileURLToPath(import.meta.url), { workerData: list }).on("message", resolve).on("error", reject);
  });
  for (const [list, values] of await Promise.all([[20, 21], [22, 23]].map(async (list) => [list, await inThread(list)]))) {
    list.forEach((number, index) => (numbersGot[number] = values[index]));
  }
  const program = "console.log(JSON.stringify(process.argv.slice(1).map((each) => require(each).number)))";
  const inProcess = [24, 25];
  JSON.parse(execFileSync(process.execPath, ["-e", program, ...inProcess.map(nameOf)])).forEach((value, index) => (numbersGot[inProcess[index]] = value));
  const both = await Promise.all(numbers.slice(26).map((number) => import(nameOf(number))));
  both.forEach((each, index) => (numbersGot[26 + index] = each.number));
  got.numbers = numbersGot;
  got.conditions = [(await import("@lazy/n07")).kind, require("@lazy/n07").kind];
  got.subpath = (await import("lazy-n06/sub/one")).sub;
  got.later = (await (await import("lazy-n06")).later()).later;
  const main = fileURLToPath((await import("lazy-n06")).here);
  got.here = main.endsWith("/src/main.js") && existsSync(main) && !readdirNames(dirname(main)).includes("sub-two.js");
  got.before = require("@lazy/n05").before;
  got.words = (await import("lazy-n10")).words;
  for (const [key, specifier] of [["closed", "lazy-n06/src/help.js"], ["missing", "nobody-has-this"]]) {
    try {
      await import(specifier);
    } catch (error) {
      got[key] = [error.code, error.message];
    }
  }
  try {
    require("@nobody/has-this");
  } catch (error) {
    got.required = [error.code, error.message];
  }
  console.log(JSON.stringify(got));
} else {
  const list = [];
  for (const number of workerData) list.push((await import(nameOf(number))).number);
  parentPort.postMessage(list);
}

function readdirNames(folder) {
  return readdirSync(folder);
}

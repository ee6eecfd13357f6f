"use strict";
// A program that is started, and what is given to it as arguments, may be files of a view, which are fetched first.

const { syncBuiltinESMExports } = require("node:module");
const { absolute, inView, like, prepare } = require("./data.cjs");

let isWatched = false;

// Throws `EIO` when one of them cannot be fetched. `values` holds the program's name for itself or not.
function starts(file, values, folder) {
  const from = folder == null ? undefined : absolute(folder) ?? undefined;
  // Without a slash the system looks for it elsewhere.
  const each = typeof file === "string" && file.includes("/") ? [file] : [];
  for (const path of Array.isArray(values) ? [...each, ...values] : each) {
    const inside = inView(path, from);
    if (inside !== null) prepare(inside);
  }
}

// Stands in front of the functions of `node:child_process`, which is loaded then.
function watch() {
  if (isWatched) return;
  isWatched = true;
  const programs = require("node:child_process");
  const { prototype } = programs.ChildProcess;
  const { spawn } = prototype;
  prototype.spawn = like(spawn, function (options) {
    starts(options?.file, options?.args, options?.cwd);
    return spawn.apply(this, arguments);
  });
  for (const name of ["spawnSync", "execFileSync"]) {
    const real = programs[name];
    programs[name] = like(real, function (file, values, options) {
      starts(file, values, (values == null || Array.isArray(values) ? options : values)?.cwd);
      return real.apply(this, arguments);
    });
  }
  syncBuiltinESMExports();
}

module.exports = { starts, watch };

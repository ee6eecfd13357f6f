"use strict";
// What a program reads, lists or looks at in a view is fetched first: data files beside the modules are there for whoever opens them. For
// any other path a call costs two comparisons more.

const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { posix } = require("node:path");

const folder = process.env.RX_LOADER_VIEWS.replace(/\/+$/, "") + "/";
const readers = ["readFile", "open", "stat", "lstat", "access", "copyFile", "realpath", "readlink"];
const listings = ["readdir", "opendir"];
const writers = ["writeFile", "appendFile", "truncate", "chmod", "chown", "utimes"];
// Their second argument is written.
const targets = ["copyFile", "cp", "rename", "link", "symlink"];

// Node keeps it in mind; programs put functions of their own in its place.
const { cwd } = process;
// What a path may have that is not the shortest: `//`, `/./` and `/../`.
const detour = /\/\.{0,2}(\/|$)/;

// Our own code asks Node's functions.
Object.defineProperty(fs, "rxReal", { value: { ...fs } });
for (const name of [...readers, ...listings, ...writers]) {
  const check = writers.includes(name) ? refuseToWrite : name === "open" ? opening : name === "readdir" ? completing : name === "opendir" ? completeAll : prepare;
  fs[name] = standIn(fs[name], check, fail);
  fs[name + "Sync"] = readers.includes(name) && name !== "open" ? standBehind(fs[name + "Sync"]) : standIn(fs[name + "Sync"], check);
  if (fs.promises[name]) fs.promises[name] = standIn(fs.promises[name], check, (error) => Promise.reject(error));
}
for (const name of targets) {
  fs[name] = standBefore(fs[name], fail);
  fs[name + "Sync"] = standBefore(fs[name + "Sync"]);
  fs.promises[name] = standBefore(fs.promises[name], (error) => Promise.reject(error));
}
fs.existsSync = standBehind(fs.existsSync, () => false);
fs.realpath.native = standIn(fs.realpath.native, prepare, fail);
fs.realpathSync.native = standBehind(fs.realpathSync.native);
nameAll();
syncBuiltinESMExports();

// Listings of names alone give all of them, and fetch nothing.
function nameAll() {
  const { readdir, readdirSync } = fs;
  const { readdir: promised } = fs.promises;
  const start = (path, options) => {
    const inside = isNamesOnly(options) ? inView(path) : null;
    // A folder of the resource of which nothing is here is made.
    if (inside !== null) prepare(inside);
    return inside;
  };
  fs.readdirSync = like(readdirSync, function (path, options) {
    const inside = start(path, options);
    const found = readdirSync.apply(this, arguments);
    return inside === null ? found : completed(inside, found);
  });
  fs.readdir = like(readdir, function (path, options, callback) {
    const last = arguments.length - 1;
    const done = arguments[last];
    if (typeof done === "function") {
      try {
        const inside = start(path, options);
        if (inside !== null) arguments[last] = (error, found) => done(error, error ? found : completed(inside, found));
      } catch (error) {
        return fail(error, arguments);
      }
    }
    return readdir.apply(this, arguments);
  });
  fs.promises.readdir = like(promised, async function (path, options) {
    const inside = start(path, options);
    const found = await promised.apply(this, arguments);
    return inside === null ? found : completed(inside, found);
  });
}

function like(real, stand) {
  return Object.defineProperties(stand, Object.getOwnPropertyDescriptors(real));
}

function standIn(real, check, failed) {
  const stand = function (path, options) {
    const inside = inView(path);
    if (inside !== null) {
      try {
        check(inside, options);
      } catch (error) {
        if (!failed) throw error;
        return failed(error, arguments);
      }
    }
    return real.apply(this, arguments);
  };
  return like(real, stand);
}

// For what writes to its second argument.
function standBefore(real, failed) {
  const stand = function (source, target) {
    const inside = inView(target);
    if (inside !== null) {
      try {
        refuseToWrite(inside);
      } catch (error) {
        if (!failed) throw error;
        return failed(error, arguments);
      }
    }
    return real.apply(this, arguments);
  };
  return like(real, stand);
}

// For what answers at once: most files are here, so that one is fetched only when it is not.
function standBehind(real, failed) {
  const stand = function (path) {
    const inside = inView(path);
    if (inside === null) return real.apply(this, arguments);
    try {
      const found = real.apply(this, arguments);
      if (found !== undefined && found !== false) {
        require("./views.cjs").note(inside);
        return found;
      }
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    try {
      prepare(inside);
    } catch (error) {
      if (!failed) throw error;
      return failed(error);
    }
    return real.apply(this, arguments);
  };
  return like(real, stand);
}

function fail(error, values) {
  const callback = values[values.length - 1];
  if (typeof callback !== "function") throw error;
  process.nextTick(callback, error);
}

// The path as absolute text when it is in a view, else null. A relative one goes from the folder `from`, else from the working folder, which
// may be in a view, too.
function inView(path, from) {
  let text = absolute(path, from);
  if (text === null) return null;
  if (detour.test(text)) text = posix.normalize(text);
  return text.startsWith(folder) ? text : null;
}

// Null for a descriptor and the like.
function absolute(path, from) {
  const text = typeof path === "string" ? path : textOf(path);
  return text === null || text[0] === "/" ? text : (from ?? here()) + "/" + text;
}

function textOf(path) {
  if (path instanceof Uint8Array) return Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString();
  if (path?.protocol !== "file:" || typeof path.pathname !== "string") return null;
  try {
    return decodeURIComponent(path.pathname);
  } catch {
    // Node says what is wrong with it.
    return null;
  }
}

function here() {
  try {
    return cwd();
  } catch {
    // It was removed.
    return "";
  }
}

function prepare(path) {
  arrange(path, (place) => place.view.ensure(place.path));
}

function completing(path, options) {
  if (!isNamesOnly(options)) completeAll(path);
}

function completeAll(path) {
  arrange(path, (place) => place.view.complete(place.path));
}

// Whether a listing is to give names alone, as text, which are known without the files.
function isNamesOnly(options) {
  if (typeof options === "function" || options == null) return true;
  if (typeof options === "string") return /^utf-?8$/i.test(options);
  return !options.withFileTypes && !options.recursive && (options.encoding == null || /^utf-?8$/i.test(options.encoding));
}

// Adds what a resource has and is not here to the names of a folder's entries;
function completed(path, found) {
  const place = require("./views.cjs").at(path);
  const names = place?.view.folders.get(place.path);
  return names ? [...new Set([...found, ...names])].sort() : found;
}

function arrange(path, step) {
  const place = require("./views.cjs").at(path);
  if (!place) return;
  try {
    step(place);
  } catch (trouble) {
    if (!trouble?.isTrouble) throw trouble;
    throw Object.assign(new Error(`EIO: ${trouble.message}, '${path}'`), { code: "EIO", errno: -5, syscall: "open", path });
  }
}

function opening(path, flags) {
  const writes = typeof flags === "number" ? (flags & 3) !== 0 : typeof flags === "string" && /[wa+]/.test(flags);
  (writes ? refuseToWrite : prepare)(path);
}

// The file is the same for everybody who uses the resource.
function refuseToWrite(path) {
  const place = require("./views.cjs").at(path);
  if (!place?.view.files.has(place.path)) return;
  const message = `EACCES: rx: a file of a resource is read-only; copy it to change it, '${path}'`;
  throw Object.assign(new Error(message), { code: "EACCES", errno: -13, syscall: "open", path });
}

module.exports = { absolute, inView, like, prepare };

"use strict";
// A view is the folder of one resource: the files that were asked for so far, under their paths. The others come when they are asked for.

const fs = require("node:fs");
const paths = require("node:path");
const host = require("./host.cjs");

// Data hooks look here, too: what is asked below is asked of Node's own functions.
const { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } = host.real;

// Folder of all views, with a slash at its end. A view's name in it is the 64 digits of its manifest's digest; beside it are the list of
// its files, `DIGITS.files`, and a folder in which Node finds it as a package, `DIGITS.node`.
const folderOfViews = process.env.RX_LOADER_VIEWS.replace(/\/+$/, "") + "/";
const views = new Map();
let table = null;
// What was not to be had a moment ago is not asked for again at once; the time is in milliseconds.
const missing = new Map();
const missingTime = 5000;

// The view that an absolute path is in, and the rest of the path; null for any other.
function at(path) {
  if (!path.startsWith(folderOfViews)) return null;
  let [name, ...rest] = path.slice(folderOfViews.length).split("/");
  if (/^[0-9a-f]{64}\.node$/.test(name)) {
    // As Node sees it while it resolves: `node_modules`, and the package's name.
    rest = rest.slice(rest[1]?.startsWith("@") ? 3 : 2);
    name = name.slice(0, 64);
  }
  if (!/^[0-9a-f]{64}$/.test(name)) return null;
  const inside = paths.posix.normalize(rest.join("/") || ".").replace(/\/$/, "");
  if (inside === ".." || inside.startsWith("../")) return null;
  let view = views.get(name);
  if (!view) views.set(name, (view = new View(folderOfViews + name)));
  return { view, path: inside === "." ? "" : inside };
}

// Roots by the names of the modules that were bound when this thread first missed one, and of those that it had bound since.
function bound() {
  if (table) return table;
  table = { roots: new Map(), refusal: null };
  let text = "";
  try {
    text = readFileSync(process.env.RX_LOADER_BOUND, "utf8");
  } catch {
    // The table spares requests; without it each module is asked for.
  }
  for (const line of text.split("\n")) {
    const [language, name, , root] = line.split("\t");
    if (language !== "node") continue;
    if (name === "*") table.refusal = root;
    else table.roots.set(name, root);
  }
  return table;
}

// The view of the resource that provides a package. Throws `Trouble`.
function bind(name) {
  const { roots, refusal } = bound();
  let root = roots.get(name);
  if (!root && refusal) throw new host.Trouble("rx: " + refusal.replaceAll("{}", () => name));
  if (!root || (!existsSync(root + ".files") && at(root).view.files.size === 0)) {
    const known = missing.get(name);
    if (known && performance.now() < known.until) throw known.trouble;
    try {
      root = host.bind(name);
    } catch (trouble) {
      missing.set(name, { trouble, until: performance.now() + missingTime });
      throw trouble;
    }
    roots.set(name, root);
  } else {
    host.used(root.slice(-64) + "//node:" + name);
  }
  const { view } = at(root);
  view.ensure("package.json");
  return view;
}

class View {
  #files = null;
  #folders = null;

  constructor(root) {
    this.root = root;
    this.digest = "sha256:" + root.slice(-64);
  }

  // The paths of all files and symlinks of the resource, here or not; the host wrote the list before it bound anything to it.
  get files() {
    if (!this.#files) {
      let text = read(this.root + ".files");
      if (text === null) {
        // The cache was cleared: with whatever is asked for the host writes the list anew.
        try {
          host.fetch(this.digest, ".files");
        } catch (trouble) {
          if (!trouble.isTrouble) throw trouble;
        }
        text = read(this.root + ".files");
        if (text === null) return new Set();
      }
      this.#files = new Set(text.split("\0\0", 1)[0].split("\0").filter(Boolean));
    }
    return this.#files;
  }

  // The paths of all folders, and the root's, which is empty; each with the names in it.
  get folders() {
    if (!this.#folders) {
      this.#folders = new Map([["", new Set()]]);
      for (const file of this.files) {
        for (let path = file, isNew = true; path !== "" && isNew; ) {
          const cut = path.lastIndexOf("/");
          const parent = cut < 0 ? "" : path.slice(0, cut);
          isNew = !this.#folders.has(parent);
          if (isNew) this.#folders.set(parent, new Set());
          this.#folders.get(parent).add(path.slice(cut + 1));
          path = parent;
        }
      }
    }
    return this.#folders;
  }

  // Makes sure that a file or folder of the resource is here; false when it has nothing of this path. Throws `Trouble`.
  ensure(path) {
    const full = paths.join(this.root, path);
    if (!this.files.has(path)) {
      if (!this.folders.has(path)) return this.#follow(path);
      mkdirSync(full, { recursive: true });
      return true;
    }
    if (existsSync(full)) {
      this.note(path);
      return true;
    }
    for (const each of this.companions(path)) {
      if (!existsSync(paths.join(this.root, each))) host.fetch(this.digest, each);
    }
    host.fetch(this.digest, path);
    return true;
  }

  // Notes the use of a file that is here, and of those that have to be here with it.
  note(path) {
    const name = this.root.slice(-64) + "/";
    if (!this.files.has(path) || !host.used(name + path)) return;
    for (const each of this.companions(path)) host.used(name + each);
  }

  // All files of a folder, and folders for those within, by one request: a listing shows what the resource has. Throws `Trouble`.
  complete(folder) {
    let isAllHere = true;
    for (const name of this.folders.get(folder) ?? []) {
      const path = folder ? folder + "/" + name : name;
      if (!this.files.has(path) || existsSync(paths.join(this.root, path))) {
        this.ensure(path);
        continue;
      }
      isAllHere = false;
      for (const each of this.companions(path)) if (paths.posix.dirname(each) !== (folder || ".")) this.ensure(each);
    }
    if (!isAllHere) host.fetchFolder(this.digest, folder);
  }

  // The file that `require` of a path means, made present. Throws `Trouble`.
  ensureRequired(path, extensions) {
    const file = this.#requiredFile(path, extensions);
    return file !== null && this.ensure(file);
  }

  #requiredFile(path, extensions) {
    const named = path !== "" && [path, ...extensions.map((each) => path + each)].find((each) => this.files.has(each));
    if (named) return named;
    if (!this.folders.has(path)) return null;
    const prefix = path ? path + "/" : "";
    if (this.files.has(prefix + "package.json")) {
      this.ensure(prefix + "package.json");
      const { main } = packageAt(paths.join(this.root, prefix, "package.json"));
      const start = typeof main === "string" ? paths.posix.join(path, main).replace(/\/$/, "") : "";
      if (start && start !== path) {
        const found = this.#requiredFile(start === "." ? "" : start, extensions);
        if (found) return found;
      }
    }
    return extensions.map((each) => prefix + "index" + each).find((each) => this.files.has(each)) ?? null;
  }

  // The files that have to be here before another is. What Node takes first in the whole resource it has to find first among the files that
  // are here: `x.js` goes before `x/index.js`. A file's nearest package.json says what kind of module it is.
  *companions(path) {
    for (let cut = path.lastIndexOf("/"); ; cut = path.lastIndexOf("/", cut - 1)) {
      const config = path.slice(0, cut + 1) + "package.json";
      if (config !== path && this.files.has(config)) yield config;
      if (cut < 0) break;
    }
    // The system opens an addon's own libraries.
    if (path.endsWith(".node")) for (const each of this.files) if (/(^|\/)lib[^/]*\.so(\.[^/]*)?$/.test(each)) yield each;
    const ending = /^(.*?)(\/index)?(\.js|\.json|\.node)$/.exec(path);
    if (!ending) return;
    const [, stem, index, extension] = ending;
    const first = [stem, stem + ".js", stem + ".json", stem + ".node"];
    if (index) first.push(stem + "/index.js", stem + "/index.json", stem + "/index.node");
    for (const each of first) {
      if (each === path) return;
      if (this.files.has(each)) yield each;
    }
  }

  // A file in which Node finds this resource as the package `name`, and nothing else.
  place(name) {
    const folder = this.root + ".node";
    const link = folder + "/node_modules/" + name;
    if (!existsSync(link)) {
      mkdirSync(paths.dirname(link), { recursive: true });
      try {
        symlinkSync(paths.relative(paths.dirname(link), this.root), link);
      } catch (error) {
        // Another process was first.
        if (error.code !== "EEXIST") throw error;
      }
    }
    return folder + "/package";
  }

  // A path through a symlink leads to what it names.
  #follow(path) {
    const parts = path.split("/");
    for (let count = 1; count < parts.length; count += 1) {
      const link = parts.slice(0, count).join("/");
      if (!this.files.has(link)) continue;
      this.ensure(link);
      const place = at(realpathSync(paths.join(this.root, link)));
      return place?.view === this && place.path !== link && this.ensure([place.path, ...parts.slice(count)].join("/"));
    }
    return false;
  }
}

function packageAt(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")) ?? {};
  } catch {
    return {};
  }
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

// Notes the use of a path that is in a view.
function note(path) {
  const place = at(path);
  if (place) place.view.note(place.path);
}

// Notes the use of a file that Node found by itself in a view; throws when it is not the resource's, but somebody wrote it there.
function check(path, request) {
  const place = at(path);
  if (!place) return;
  if (place.view.files.has(place.path)) return place.view.note(place.path);
  const message = `Cannot find module '${request}' (rx: ${path} is no file of its resource, a program wrote it; remove it, or run rx cache clear)`;
  throw Object.assign(new Error(message), { code: "MODULE_NOT_FOUND" });
}

module.exports = { at, bind, check, note, folderOfViews, packageAt };

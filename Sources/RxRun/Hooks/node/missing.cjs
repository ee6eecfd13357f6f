"use strict";
// What Node did not find: a package that nobody has is looked for at rx, and a file of a resource that is not here yet is fetched; then Node
// resolves again, by its own rules.

const Module = require("node:module");
const paths = require("node:path");
const { fileURLToPath, pathToFileURL } = require("node:url");
const views = require("./views.cjs");
const { real, Trouble } = require("./host.cjs");

// For `require`. `resolve` is Node's own function, for the module that asks or for one at another place.
function required(error, request, parent, resolve) {
  const from = parent?.filename ? paths.dirname(parent.filename) : process.cwd();
  const search = new Search(error, request, from, Object.keys(Module._extensions));
  let place;
  while (search.goesOn()) {
    if (search.place && !place) place = { id: search.place, filename: search.place, paths: [paths.dirname(search.place) + "/node_modules"] };
    try {
      return resolve(place);
    } catch (another) {
      search.failed(another);
    }
  }
  throw search.error;
}

// For `import`, in either kind of hook: `next` gives a promise in one of them.
function imported(error, specifier, context, next) {
  const from = context.parentURL?.startsWith("file:") ? paths.dirname(fileURLToPath(context.parentURL)) : process.cwd();
  const search = new Search(error, specifier, from, [".js", ".json", ".node"]);
  const step = () => {
    for (;;) {
      if (!search.goesOn()) throw search.error;
      const place = search.place ? { ...context, parentURL: pathToFileURL(search.place).href } : context;
      try {
        const found = next(specifier, place);
        return typeof found?.then === "function" ? found.catch(again) : found;
      } catch (another) {
        search.failed(another);
      }
    }
  };
  const again = (another) => {
    search.failed(another);
    return step();
  };
  return step();
}

// How far the search for one module is.
class Search {
  #name;
  #from;
  #request;
  #extensions;
  #last;
  #fetched = new Set();

  constructor(error, request, from, extensions) {
    // The first error is the one that people know.
    this.error = error;
    this.place = null;
    this.#request = request;
    this.#from = from;
    this.#extensions = extensions;
    this.#name = packageName(request);
    this.#last = error;
  }

  failed(error) {
    this.#last = error;
    // That its package.json has no such export, for instance. What is merely not found was looked for from our own place: nobody knows that.
    if (this.place && !/MODULE_NOT_FOUND$/.test(error?.code)) this.error = error;
  }

  // Whether something is there now that was not there before.
  goesOn() {
    try {
      return this.#fetchNamed() || this.#fetchRequired() || this.#bind();
    } catch (trouble) {
      if (!(trouble instanceof Trouble)) throw trouble;
      const hint = ` (${trouble.message})`;
      const { message, stack } = this.error;
      this.error.message = message.replace(/(\n|$)/, (end) => hint + end);
      if (typeof stack === "string") this.error.stack = stack.replace(message, () => this.error.message);
      return false;
    }
  }

  // The file that Node's error names.
  #fetchNamed() {
    if (!["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(this.#last?.code)) return false;
    const url = this.#last.url;
    const path = url?.startsWith("file:") ? fileURLToPath(url) : /^Cannot find (?:module|package) '(\/[^']*)'/.exec(this.#last.message)?.[1];
    return path !== undefined && this.#fetch(path);
  }

  // The file that a path, or a package without exports, means.
  #fetchRequired() {
    if (this.#last?.code === "MODULE_NOT_FOUND" && /^(\.{0,2}\/|\.{1,2}$)/.test(this.#request)) {
      return this.#fetch(paths.resolve(this.#from, this.#request));
    }
    return this.place !== null && this.#fetch(paths.dirname(this.place) + "/node_modules/" + this.#request);
  }

  #fetch(path) {
    const place = views.at(path);
    if (!place || this.#fetched.has(path)) return false;
    this.#fetched.add(path);
    return place.view.ensureRequired(place.path, this.#extensions);
  }

  // The package, when it is nowhere: one that is installed is as it is, whatever it lacks.
  #bind() {
    if (!this.#name || this.place || Module.isBuiltin(this.#name)) return false;
    for (let folder = this.#from; ; folder = paths.dirname(folder)) {
      const path = paths.join(folder, "node_modules", this.#name);
      const own = views.at(path);
      // A package that the resource brings along.
      if (own?.view.folders.has(own.path)) {
        if (this.#fetched.has(path)) return false;
        this.#fetched.add(path);
        own.view.ensure(own.path);
        own.view.ensure(own.path + "/package.json");
        return true;
      }
      if (real.existsSync(path)) return false;
      if (paths.dirname(folder) === folder) break;
    }
    this.place = views.bind(this.#name).place(this.#name);
    return true;
  }
}

// `@scope/name` or `name` of a bare specifier; null for a path, a URL and `#imports`.
function packageName(request) {
  const name = /^(@[^/\\%:]+\/[^/\\%:]+|[^@./\\%:#][^/\\%:]*)(\/|$)/.exec(request)?.[1];
  return name ?? null;
}

module.exports = { required, imported };

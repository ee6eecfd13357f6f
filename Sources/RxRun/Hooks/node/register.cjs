"use strict";
// Runs at the start of every Node beneath `rx run`, in each of its threads: what a program requires or imports and does not have is asked
// for at rx. What Node itself finds costs nothing; the rest of the hooks is loaded when something is missing.

// A Node that is too old reads these lines, too, and is left alone.
const [major, minor] = process.versions.node.split(".").map(Number);
const Module = require("module");
const { isMainThread, workerData } = major < 20 ? {} : require("worker_threads");

// Node says of an import that it does not find what `require` would have found; that is no reason to look for it.
const imports = { areResolved: false };
const views = (process.env.RX_LOADER_VIEWS || "").replace(/\/+$/, "") + "/";
module.exports = imports;

if (
  (major > 20 || (major === 20 && minor >= 6)) &&
  process.env.RX_LOADER && process.env.RX_LOADER_VIEWS && !(workerData && workerData.isRxChannel) && !Module.hasRxHooks
) {
  Object.defineProperty(Module, "hasRxHooks", { value: true });
  hookRequire();
  hookImport();
  require("./data.cjs");
}

function hookRequire() {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, isMain, options) {
    let path;
    try {
      path = resolve.call(this, request, parent, isMain, options);
    } catch (error) {
      if (!error || error.code !== "MODULE_NOT_FOUND" || imports.areResolved) throw error;
      path = require("./missing.cjs").required(error, request, parent, (place) =>
        resolve.call(this, request, place || parent, isMain, place ? undefined : options));
    }
    return checked(path, request);
  };
}

// What is found in a view is the resource's, and noted.
function checked(path, request) {
  if (path.startsWith(views)) require("./views.cjs").check(path, request);
  return path;
}

function hookImport() {
  const { fileURLToPath } = require("node:url");
  if (typeof Module.registerHooks === "function") {
    Module.registerHooks({
      resolve(specifier, context, next) {
        watchPrograms(specifier);
        if (!context.conditions.includes("import")) return next(specifier, context);
        const quiet = (specifier, context) => {
          imports.areResolved = true;
          try {
            return next(specifier, context);
          } finally {
            imports.areResolved = false;
          }
        };
        let found;
        try {
          found = quiet(specifier, context);
        } catch (error) {
          found = require("./missing.cjs").imported(error, specifier, context, quiet);
        }
        if (found.url.startsWith("file:")) checked(fileURLToPath(found.url), specifier);
        return found;
      },
    });
    const { getBuiltinModule } = process;
    process.getBuiltinModule = function (name) {
      watchPrograms(name);
      return getBuiltinModule.apply(this, arguments);
    };
  } else {
    hookImportsInThread();
    hookPrograms();
  }
}

// Somebody wants `node:child_process`, which loading for all would take longer than a small program.
function watchPrograms(name) {
  if (name === "node:child_process" || name === "child_process") require("./programs.cjs").watch();
}

// Without `registerHooks` nothing tells of that: what `node:child_process` itself calls is at hand in every Node of this age.
function hookPrograms() {
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    for (const place of [process.binding("process_wrap").Process.prototype, process.binding("spawn_sync")]) {
      const { spawn } = place;
      place.spawn = function (options) {
        require("./programs.cjs").starts(options.file, options.args, options.cwd);
        return spawn.apply(this, arguments);
      };
    }
  } catch (error) {
    // Node was told to forbid it; then a program hardly starts others.
  } finally {
    process.noDeprecation = noDeprecation;
  }
}

// Node 20 resolves imports in a thread of its own as soon as somebody wants to take part, and starting that takes longer than a small
// program. A program that is CommonJS imports nothing before the text of one of its modules says so.
function hookImportsInThread() {
  const { runMain, prototype } = Module;
  const { _compile: compile } = prototype;
  const hook = () => {
    Module.runMain = runMain;
    prototype._compile = compile;
    Module.register("./imports.mjs", require("node:url").pathToFileURL(__filename));
  };
  if (isMainThread && (!process.argv[1] || process.argv[1] === "-" || process.execArgv.some((each) => /^-(-eval|-print|-interactive|-import|-input|[epi])/.test(each)))) {
    hook();
    return;
  }
  Module.runMain = function (main = process.argv[1]) {
    if (main && isModule(main)) hook();
    return runMain.apply(this, arguments);
  };
  prototype._compile = function (content, filename, format) {
    if (format === "module" || /\bimport\s*[(/]|^\s*(?:import|export)\b/m.test(content)) hook();
    return compile.apply(this, arguments);
  };
}

function isModule(main) {
  if (!main.endsWith(".js")) return !main.endsWith(".cjs") && /\.[a-z]+$/.test(main);
  const fs = require("node:fs");
  const paths = require("node:path");
  let folder = paths.dirname(paths.resolve(main));
  try {
    folder = paths.dirname(fs.realpathSync(main));
  } catch (error) {
    // Node says what is wrong with it.
  }
  for (;;) {
    try {
      return JSON.parse(fs.readFileSync(paths.join(folder, "package.json"), "utf8")).type === "module";
    } catch (error) {
      if (error.code !== "ENOENT" || paths.dirname(folder) === folder) return false;
    }
    folder = paths.dirname(folder);
  }
}

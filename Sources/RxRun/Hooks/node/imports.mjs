// The hook of imports for Node without `module.registerHooks`; it runs in the thread in which Node resolves them.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
require("./register.cjs").areResolved = true;
const views = "file://" + encodeURI(process.env.RX_LOADER_VIEWS.replace(/\/+$/, "") + "/");

export async function resolve(specifier, context, next) {
  try {
    const found = await next(specifier, context);
    if (found.url.startsWith(views)) note(found.url);
    return found;
  } catch (error) {
    return require("./missing.cjs").imported(error, specifier, context, next);
  }
}

function note(url) {
  require("./host.cjs").endsSilently.value = true;
  require("./views.cjs").note(fileURLToPath(url));
}

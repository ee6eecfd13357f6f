// The hook of imports for Node without `module.registerHooks`; it runs in the thread in which Node resolves them.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
require("./register.cjs").areResolved = true;
const views = "file://" + encodeURI(process.env.RX_LOADER_VIEWS.replace(/\/+$/, "") + "/");

export async function resolve(specifier, context, next) {
  let found;
  try {
    found = await next(specifier, context);
  } catch (error) {
    found = await require("./missing.cjs").imported(error, specifier, context, next);
  }
  if (found.url.startsWith(views)) require("./views.cjs").check(fileURLToPath(found.url), specifier);
  return found;
}

// The hook of imports for Node without `module.registerHooks`; it runs in the thread in which Node resolves them.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
require("./register.cjs").areResolved = true;

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    return require("./missing.cjs").imported(error, specifier, context, next);
  }
}

// Stands for `import.meta.url` in the CommonJS bundles, where there is none. Pure, so that a bundle that doesn't ask doesn't have it.
export const importMetaUrl = /* @__PURE__ */ (() => require('node:url').pathToFileURL(__filename).href)();

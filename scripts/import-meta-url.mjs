// Put in front of the CommonJS bundles, where `import.meta` does not exist. biome-ignore-all lint/correctness/noUndeclaredVariables: CommonJS's own.
export const importMetaUrl = require('node:url').pathToFileURL(__filename).href;

/** A health check: exit code 0 if the URL answers with 200. */
const response = await fetch(process.argv[2]).catch((error) => ({ ok: false, status: error.cause?.code ?? error.message }));
if (!response.ok) console.error(`${process.argv[2]}: ${response.status}`);
process.exit(response.ok ? 0 : 1);

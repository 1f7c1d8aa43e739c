/** The body of a refusal: `{"errors":[{"code":"MANIFEST_UNKNOWN","message":…}]}` (distribution-spec, "Error Codes"). */

/** As one line of text; undefined: it says nothing we understand. Control characters and what is too long are left out. */
export function parseRegistryErrors(body: string | undefined): string | undefined {
  if (body === undefined || !body.startsWith('{')) return undefined;
  let errors: unknown;
  try {
    errors = (JSON.parse(body) as { readonly errors?: unknown }).errors;
  } catch {
    return undefined;
  }
  if (!Array.isArray(errors)) return undefined;
  const texts = errors.map(textOf).filter((text) => text !== '');
  return texts.length === 0 ? undefined : [...new Set(texts)].join('; ').slice(0, 300);
}

function textOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const text = typeof message === 'string' && message !== '' ? message : code;
  return typeof text === 'string' ? text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim() : '';
}

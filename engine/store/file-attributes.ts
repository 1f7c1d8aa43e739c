/** What of a file Node itself doesn't read or write: extended attributes, device nodes. */
import {
  listExtendedAttributes,
  makeNode as makeNodeAt,
  readExtendedAttribute,
  writeExtendedAttribute,
} from '../../native/ffi/file-attributes.ts';
import { storeError } from './store-error.ts';

/** Its directory hides those of lower layers (overlayfs.rst, "whiteouts and opaque directories"). */
export function isOpaque(directory: string): boolean {
  return readExtendedAttribute(directory, 'trusted.overlay.opaque')?.toString() === 'y';
}

/** Gives `to` the attributes of `from`, but for overlayfs' own. @throws TsstackError `image` */
export function copyExtendedAttributes(from: string, to: string): void {
  for (const [name, value] of extendedAttributes(from)) {
    try {
      writeExtendedAttribute(to, name, value);
    } catch (error) {
      throw storeError(`cannot set extended attribute \`${name}\` of \`${to}\``, error);
    }
  }
}

const OVERLAY = /^(trusted|user)\.overlay\./;

/** A device node or FIFO: `mode` and `device` as stat(2) has them. */
export function makeNode(path: string, mode: number, device: bigint): void {
  makeNodeAt(path, mode, device);
}

/** But for overlayfs' own, sorted by name. */
export function extendedAttributes(file: string): readonly (readonly [string, Buffer])[] {
  return listExtendedAttributes(file)
    .filter((name) => !OVERLAY.test(name))
    .sort()
    .flatMap((name) => {
      const value = readExtendedAttribute(file, name);
      return value === undefined ? [] : [[name, value] as const];
    });
}

import { constants } from 'node:os';

/** `SIGTERM`, `TERM` or `15` → 15. Undefined: no such signal on this system (signal(7)). */
export function signalNumber(name: string): number | undefined {
  if (/^\d+$/.test(name)) {
    const number = Number(name);
    return number >= 1 && number <= 64 ? number : undefined;
  }
  const full = name.toUpperCase().startsWith('SIG') ? name.toUpperCase() : `SIG${name.toUpperCase()}`;
  return (constants.signals as Readonly<Record<string, number>>)[full];
}

/** `QUIT`, `SIGQUIT` or `3` → `SIGQUIT`. Undefined: no such signal, or one without a name. */
export function signalName(text: string): string | undefined {
  const number = signalNumber(text);
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

/** Of a service whose image says nothing either. */
export const DEFAULT_STOP_SIGNAL = 'SIGTERM';

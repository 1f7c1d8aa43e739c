/** Reads how this host reaches registries. */
import fs from 'node:fs';
import { isLoopback } from '../../codec/proxy-environment.ts';
import { parseRegistriesFile, type RegistriesFile, type RegistrySettings } from '../../codec/registries-file.ts';
import { TsstackError } from '../../model/errors.ts';

export type SettingsOf = (registry: string) => RegistrySettings;

/** `required`: somebody named this file, so it must be there. Throws `image` with what is wrong in it. */
export function readSettings(path: string, { required }: { readonly required: boolean }): SettingsOf {
  const file = readFile(path, required);
  return (registry) => {
    const settings = file[registry] ?? { mirrors: [], insecure: false, ca: undefined };
    // As Docker does: nobody is between us and ourselves.
    return { ...settings, insecure: settings.insecure || isLoopback(registry.replace(/:\d+$/, '')) };
  };
}

function readFile(path: string, required: boolean): RegistriesFile {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return {};
    throw new TsstackError(`cannot read \`${path}\`: ${code === 'ENOENT' ? 'it does not exist' : code}`, { code: 'image', cause: error });
  }
  try {
    return parseRegistriesFile(text);
  } catch (error) {
    throw new TsstackError(`cannot read \`${path}\`: ${(error as Error).message}`, {
      code: 'image',
      hint: 'docs/registries.md says what may be in it',
      cause: error,
    });
  }
}
